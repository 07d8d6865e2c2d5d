package s3

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/exportpipeline/exportpipeline/internal/fuzzing"
	"github.com/exportpipeline/exportpipeline/sftpexport"
	"github.com/exportpipeline/exportpipeline/sftpexport/internal/counter"
)

// canned is a store that answers everything alike.
type canned struct {
	status int
	body   string
	asked  int
}

func (c *canned) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		_, _ = io.Copy(io.Discard, r.Body)
		_ = r.Body.Close()
	}
	c.asked++
	header := http.Header{"Content-Type": {"application/xml"}}
	return &http.Response{StatusCode: c.status, Header: header, Body: io.NopCloser(strings.NewReader(c.body)), Request: r}, nil
}

// bucketOf is a bucket of a store, which is asked once for each request.
func bucketOf(store http.RoundTripper) *bucket {
	settings := &sftpexport.Credentials{Bucket: "b", Endpoint: "https://s3.example", Region: "eu-central-1", PathStyle: true}
	api := s3.New(s3.Options{
		Region: settings.Region, Credentials: credentials.NewStaticCredentialsProvider("id", "a-secret-key", ""),
		HTTPClient: &http.Client{Transport: boundedTransport{store}},
	}, clientOptions(settings), func(o *s3.Options) { o.Retryer = aws.NopRetryer{} })
	return &bucket{api: api, settings: settings}
}

// numbersOf reads a listing as simply as can be; ok is false for what is none.
func numbersOf(body string) (numbers []int64, whole, ok bool) {
	var list struct {
		XMLName     xml.Name `xml:"ListBucketResult"`
		IsTruncated string
		Contents    []struct{ Key string }
	}
	if xml.Unmarshal([]byte(body), &list) != nil || strings.Contains(body, "<!") {
		return nil, false, false
	}
	for _, object := range list.Contents {
		parts := strings.Split(object.Key, "/")
		if n, isNumber := counter.Number(parts[len(parts)-1]); isNumber {
			numbers = append(numbers, n)
		}
	}
	return numbers, list.IsTruncated == "" || list.IsTruncated == "false", true
}

// replies are seeds: what stores answer.
var replies = []struct {
	status int
	body   string
}{
	{200, `<?xml version="1.0" encoding="UTF-8"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><IsTruncated>false</IsTruncated>` +
		`<Contents><Key>a/.exportpipeline-seq-000000000007</Key><Size>0</Size></Contents><Contents><Key>a/b.pdf</Key></Contents></ListBucketResult>`},
	{200, `<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken><Contents><Key>.exportpipeline-seq-1</Key></Contents></ListBucketResult>`},
	{200, `<InitiateMultipartUploadResult><Bucket>b</Bucket><Key>k</Key><UploadId>VXBsb2FkIElE</UploadId></InitiateMultipartUploadResult>`},
	{200, `<CompleteMultipartUploadResult><Location>l</Location><ETag>"3858f62230ac3c915f300c664312c11f-9"</ETag></CompleteMultipartUploadResult>`},
	{200, `<Error><Code>InternalError</Code><Message>We encountered an internal error. Please try again.</Message></Error>`},
	{403, `<Error><Code>AccessDenied</Code><Message>Cannot upload files, storage cap exceeded.</Message><RequestId>1</RequestId></Error>`},
	{400, "<Error><Code>AuthorizationHeaderMalformed</Code><Message>the region 'x' is wrong; expecting 'eu-west-1'</Message><Region>eu-west-1</Region></Error>"},
	{404, `<Error><Code>NoSuchUpload</Code><Message/></Error>`}, {412, "<Error><Code>PreconditionFailed</Code></Error>"}, {501, ""},
	{503, "<html>down\x1b[31m\x00</html>"}, {301, `<Error><Code>PermanentRedirect</Code><Endpoint>x</Endpoint></Error>`}, {200, ""}, {204, ""},
	{400, "<Error><Code>A\nB</Code><Message>line 1\r\n&#x7f;\u0085line 2</Message></Error>"},
}

// FuzzReplies has stores answer anything. What is refused is an error in words of ours that a
// log can hold; numbers are those that a simple reading of the listing finds; a store that
// says for ever that there is more is asked a bounded number of times.
func FuzzReplies(f *testing.F) {
	for _, r := range replies {
		for op := range byte(4) {
			f.Add(op, r.status, r.body)
		}
	}
	store := new(canned)
	client := bucketOf(store)
	f.Fuzz(func(t *testing.T, op byte, status int, body string) {
		if status < 200 || status > 599 {
			return
		}
		*store = canned{status: status, body: body}
		var err error
		switch op % 4 {
		case 0:
			var numbers []int64
			numbers, err = numberFiles{client, "a"}.Numbers(t.Context())
			want, whole, isList := numbersOf(body)
			if err == nil && isList && whole && !slices.Equal(numbers, want) {
				t.Errorf("%q has the numbers %d, want %d", body, numbers, want)
			}
		case 1:
			var upload *multipart
			if upload, err = client.startUpload(t.Context(), "k", "id"); err == nil && upload.id == "" {
				t.Errorf("%q begins an upload without an id", body)
			}
			err = explain(err)
		case 2:
			_, err = (&multipart{client: client, key: "k", id: "u"}).sendPart(t.Context(), 1, []byte("data"))
			err = explain(err)
		case 3:
			_, err = (&multipart{client: client, key: "k", id: "u"}).abort()
			err = explain(err)
		}
		if status >= 300 && err == nil && (op%4 != 3 || status != http.StatusNotFound) {
			t.Errorf("status %d is taken for success: %q", status, body)
		}
		if err != nil {
			fuzzing.CheckMessage(t, err.Error())
			if strings.Contains(fmt.Sprintf("%+v", err), "a-secret-key") {
				t.Errorf("the key is shown: %v", err)
			}
		}
		if store.asked > mostPages {
			t.Errorf("the store was asked %d times: %q", store.asked, body)
		}
	})
}

func TestAnUploadWithoutAnIDIsNotGoneOnWith(t *testing.T) {
	t.Parallel()
	store := &canned{status: 200, body: "<html>please log in</html>"}
	_, err := bucketOf(store).startUpload(t.Context(), "k", "id")
	if !errors.Is(err, ErrNotS3) || !strings.Contains(err.Error(), "its upload has no id") {
		t.Errorf("%v", err)
	}
}

func TestAListingThatNeverEndsIsRefused(t *testing.T) {
	t.Parallel()
	store := &canned{status: 200, body: replies[1].body}
	_, err := numberFiles{bucketOf(store), "a"}.Numbers(t.Context())
	if !errors.Is(err, sftpexport.ErrListing) || store.asked != mostPages {
		t.Errorf("after %d pages: %v", store.asked, err)
	}
}

func TestTheWordsOfAStoreStayOnOneLine(t *testing.T) {
	t.Parallel()
	store := &canned{status: 400, body: "<Error><Code>A\nB</Code><Message>x&#x0d;level=error\u009b31m</Message></Error>"}
	_, err := numberFiles{bucketOf(store), "a"}.Numbers(t.Context())
	if err == nil || strings.ContainsFunc(err.Error(), unicode.IsControl) || !strings.Contains(err.Error(), "A B: x level=error") || codeOf(err) != "A\nB" {
		t.Errorf("%q, %q", err, codeOf(err))
	}
}
