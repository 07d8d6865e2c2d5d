package s3

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"

	"github.com/exportpipeline/exportpipeline/internal/egress"
	"github.com/exportpipeline/exportpipeline/internal/httpcall"
	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/sftpexport"
	"github.com/exportpipeline/exportpipeline/sftpexport/internal/transfer"
)

// bucket is a bucket, as seen with one set of keys.
type bucket struct {
	api      *s3.Client
	settings *sftpexport.Credentials
	own      *http.Transport // nil if the program gave one
	cloud    *http.Transport // that of the credential chain, nil if there is none
	store    store
	md5      atomic.Bool // the store takes no other checksum

	checking sync.Mutex
	obeys    bool // guarded by checking: conditions are obeyed
}

// defaultRegion is where buckets are that nobody has said anything about.
const defaultRegion = "us-east-1"

func (c *bucket) close() {
	for _, t := range []*http.Transport{c.own, c.cloud} {
		if t != nil {
			t.CloseIdleConnections()
		}
	}
}

// asking is the client with which the AWS credential chain may ask this machine's cloud for
// keys, where nothing of an export goes: at addresses that are refused to everything else.
// nil if the program does not allow the chain.
func (c *bucket) asking(x *pipeline.Export, chain bool) *http.Client {
	if !chain {
		return nil
	}
	if h := x.Transport(); h != nil && h.Transport != nil {
		return &http.Client{Transport: h.Transport, CheckRedirect: noRedirect}
	}
	c.cloud = newTransport()
	c.cloud.DialContext = egress.DialMetadata
	return &http.Client{Transport: c.cloud, CheckRedirect: noRedirect}
}

// noRedirect is the rule for redirects: a request is signed for one address.
func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

func newBucket(ctx context.Context, x *pipeline.Export, c *sftpexport.Credentials, chain bool) (*bucket, error) {
	client := &bucket{settings: c, store: storeAt(c.Endpoint)}
	client.obeys = client.store.conditional || client.store.generations
	client.md5.Store(client.store.md5)
	httpClient := &http.Client{CheckRedirect: noRedirect}
	if h := x.Transport(); h != nil && h.Transport != nil {
		httpClient.Transport = boundedTransport{httpcall.Limited(httpcall.Once(h.Transport))}
	} else {
		client.own = newTransport()
		httpClient.Transport = boundedTransport{httpcall.Limited(httpcall.Once(client.own))}
	}
	cfg, err := awsConfig(ctx, c, x.Secrets, httpClient, client.asking(x, chain))
	if err != nil {
		return nil, err
	}
	if cfg.Region == "" {
		cfg.Region = client.store.region
	}
	if cfg.Region == "" {
		if cfg.Region, err = bucketRegion(ctx, cfg, c); err != nil {
			return nil, err
		}
	}
	client.api = s3.NewFromConfig(cfg, clientOptions(c))
	return client, nil
}

func newTransport() *http.Transport {
	return &http.Transport{
		DialContext: egress.Dial, Proxy: http.ProxyFromEnvironment, MaxIdleConnsPerHost: 16, IdleConnTimeout: 90 * time.Second, ForceAttemptHTTP2: true,
		TLSHandshakeTimeout: 10 * time.Second, ResponseHeaderTimeout: 60 * time.Second, ExpectContinueTimeout: time.Second,
		TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12},
	}
}

func clientOptions(c *sftpexport.Credentials) func(*s3.Options) {
	return func(o *s3.Options) {
		o.UsePathStyle = c.PathStyle || needsPath(c)
		o.APIOptions = append(o.APIOptions, withoutAcceptEncoding, withIPv6, withPlainErrors)
		if c.Endpoint != "" {
			o.BaseEndpoint = aws.String(c.Endpoint)
			// Other servers know fewer kinds of checksum; ours are given by hand.
			o.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired
			o.ResponseChecksumValidation = aws.ResponseChecksumValidationWhenRequired
		}
		o.DisableLogOutputChecksumValidationSkipped = true
		o.Retryer = retry.NewStandard(func(r *retry.StandardOptions) {
			never := retry.IsErrorRetryableFunc(func(err error) aws.Ternary {
				if isPermanent(err) {
					return aws.FalseTernary
				}
				return aws.UnknownTernary
			})
			r.Retryables = append([]retry.IsErrorRetryable{never}, r.Retryables...)
		})
	}
}

// isPermanent reports whether a connection fails for a reason that lasts: the server's
// certificate, a name that does not exist, or HTTP where HTTPS was expected.
func isPermanent(err error) bool {
	var certificate *tls.CertificateVerificationError
	var name *net.DNSError
	return errors.As(err, &certificate) || errors.As(err, &name) && name.IsNotFound ||
		errors.Is(err, http.ErrSchemeMismatch) || errors.Is(err, egress.ErrForbidden)
}

// checkKeys says what is missing of the secrets that S3 needs.
func checkKeys(secrets rossum.Secrets, chain bool) error {
	if kind := secrets["type"]; kind != "" && kind != "s3" {
		return fmt.Errorf("secret type is %q, and the credentials are of type s3", kind)
	}
	switch id, secret := secrets["access_key_id"], secrets["secret_access_key"]; {
	case id != "" && secret == "":
		return errors.New("the hook has the secret access_key_id and no secret_access_key")
	case id == "" && secret != "":
		return errors.New("the hook has the secret secret_access_key and no access_key_id")
	case id == "" && !chain:
		return errors.New("the hook has no secrets access_key_id and secret_access_key (a program may allow the AWS credential chain by s3.Options.AWSChain)")
	}
	return nil
}

// awsConfig takes the keys of the secrets. The AWS credential chain is asked only
// where there are none and the program allows it, by giving a client that asks.
func awsConfig(ctx context.Context, c *sftpexport.Credentials, secrets rossum.Secrets, h, asking *http.Client) (aws.Config, error) {
	if err := checkKeys(secrets, asking != nil); err != nil {
		return aws.Config{}, err
	}
	if id, secret := secrets["access_key_id"], secrets["secret_access_key"]; id != "" {
		return aws.Config{
			Region: c.Region, HTTPClient: h, RetryMaxAttempts: transfer.Tries,
			Credentials: credentials.NewStaticCredentialsProvider(id, secret, secrets["session_token"]),
		}, nil
	}
	options := []func(*config.LoadOptions) error{config.WithHTTPClient(asking), config.WithRetryMaxAttempts(transfer.Tries)}
	if c.Region != "" {
		options = append(options, config.WithRegion(c.Region))
	}
	cfg, err := config.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return cfg, fmt.Errorf("%w: the AWS credential chain: %w", sftpexport.ErrAuth, err)
	}
	cfg.Credentials, cfg.HTTPClient = chainProvider{cfg.Credentials}, h
	return cfg, nil
}

// chainProvider tells the chain's errors from those of a server that is away. It is
// asked for each request; what is below remembers the keys until they expire.
type chainProvider struct{ aws.CredentialsProvider }

func (p chainProvider) Retrieve(ctx context.Context) (aws.Credentials, error) {
	keys, err := p.CredentialsProvider.Retrieve(ctx)
	if err != nil && ctx.Err() == nil {
		err = fmt.Errorf("%w: the AWS credential chain: %w", sftpexport.ErrAuth, err)
	}
	return keys, err
}

// bucketRegion asks Amazon where a bucket is. Even those who may not see it are
// told. Without any answer it is an error, since the client that is made of it stays.
func bucketRegion(ctx context.Context, cfg aws.Config, c *sftpexport.Credentials) (string, error) {
	if c.Endpoint != "" {
		return defaultRegion, nil
	}
	cfg.Region = defaultRegion
	out, err := s3.NewFromConfig(cfg, clientOptions(c)).HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &c.Bucket})
	if err == nil {
		return cmp.Or(aws.ToString(out.BucketRegion), defaultRegion), nil
	}
	if region := headerOf(err, "X-Amz-Bucket-Region"); region != "" {
		return region, nil
	}
	if status := statusOf(err); status == 0 || status >= http.StatusInternalServerError {
		if ctx.Err() != nil {
			return "", context.Cause(ctx)
		}
		return "", fmt.Errorf("asking for the bucket's region: %w", explain(err))
	}
	return defaultRegion, nil // what is wrong will show
}

// idKey is metadata that tells an object of ours from another one with the same
// name and content, so that an upload whose answer was lost can be found again.
const idKey = "exportpipeline-id"

func (c *bucket) metadata(id string) map[string]string {
	m := maps.Clone(c.settings.Metadata)
	if m == nil {
		m = make(map[string]string)
	}
	m[idKey] = id
	return m
}

func (c *bucket) encryption() types.ServerSideEncryption {
	return types.ServerSideEncryption(c.settings.ServerSideEncryption)
}

// statusOf is the HTTP status of an answer, 0 if there was none.
func statusOf(err error) int {
	var failed *awshttp.ResponseError
	if errors.As(err, &failed) && failed.HTTPResponse() != nil {
		return failed.HTTPStatusCode()
	}
	return 0
}

// expectedRegion is how stores name the right region that do so in words only.
var expectedRegion = regexp.MustCompile(`region .*expecting '([a-z0-9-]+)'`)

// regionElsewhere is the region of a bucket that was asked for in another one. The
// client does not follow: requests are signed for a region.
func regionElsewhere(err error) string {
	switch statusOf(err) {
	case http.StatusMovedPermanently, http.StatusTemporaryRedirect, http.StatusBadRequest:
		switch codeOf(err) {
		case "PermanentRedirect", "TemporaryRedirect", "MovedPermanently", "AuthorizationHeaderMalformed", "BadRequest":
			if region := headerOf(err, "X-Amz-Bucket-Region"); region != "" {
				return region
			}
			if found := expectedRegion.FindStringSubmatch(err.Error()); found != nil {
				return found[1]
			}
		}
	}
	return ""
}

// headerOf is a header of an answer that is an error.
func headerOf(err error, name string) string {
	var failed *awshttp.ResponseError
	if errors.As(err, &failed) && failed.HTTPResponse() != nil {
		return failed.HTTPResponse().Header.Get(name)
	}
	return ""
}

func codeOf(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}

// explain puts one of this package's errors in front of an answer.
func explain(err error) error {
	if err == nil || errors.Is(err, sftpexport.ErrAuth) {
		return err
	}
	switch code := codeOf(err); code {
	case "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken", "AccountProblem":
		return fmt.Errorf("%w: %w", sftpexport.ErrAuth, err)
	case "PreconditionFailed":
		return fmt.Errorf("%w: %w", sftpexport.ErrExists, err)
	case "NoSuchBucket":
		return fmt.Errorf("there is no bucket with the name in credentials.bucket_name (or not in this region or at this endpoint): %w", err)
	case "AccessDenied", "AllAccessDisabled":
		if saysFull(code, err) { // Backblaze's cap
			return fmt.Errorf("%w: %w", sftpexport.ErrSpace, err)
		}
		return fmt.Errorf("the user of the access key may not do this; its policy must allow s3:PutObject on the bucket's keys: %w", err)
	case "RequestTimeTooSkewed":
		return fmt.Errorf("the clock of this machine is wrong: %w", err)
	case "NoSuchUpload":
		return fmt.Errorf("the upload of the file's parts was ended before they were joined, by somebody else or by a lifecycle rule of the bucket: %w", err)
	case "KeyTooLongError":
		return fmt.Errorf("directory and file name are longer together than the 1024 bytes that a key may have: %w", err)
	case "EntityTooLarge":
		return fmt.Errorf("the store takes no file of this size: %w", err)
	default:
		if saysFull(code, err) {
			return fmt.Errorf("%w: %w", sftpexport.ErrSpace, err)
		}
	}
	if region := regionElsewhere(err); region != "" {
		return fmt.Errorf("the bucket is in another region; credentials.region must be %q: %w", region, err)
	}
	switch statusOf(err) {
	case 0:
		var name *net.DNSError
		if errors.As(err, &name) && name.IsNotFound {
			return fmt.Errorf("%w: there is no host %s; is credentials.endpoint right, and should path_style be true? %w", sftpexport.ErrConnection, name.Name, err)
		}
		return fmt.Errorf("%w: %w", sftpexport.ErrConnection, httpcall.Advised(err))
	case http.StatusPreconditionFailed:
		return fmt.Errorf("%w: %w", sftpexport.ErrExists, err)
	case http.StatusInsufficientStorage:
		return fmt.Errorf("%w: %w", sftpexport.ErrSpace, err)
	}
	return err
}

// saysFull reports whether a store has no space, or a quota or cap is reached. MinIO and
// Ceph have codes for it, others say it in words.
func saysFull(code string, err error) bool {
	for _, part := range []string{"StorageFull", "InsufficientStorage", "QuotaExceeded", "QuotaLimit", "CapExceeded"} {
		if strings.Contains(code, part) {
			return true
		}
	}
	return mentions(err, "quota exceeded", "storage cap", "storage limit", "no space left")
}

// lookTimeout bounds a look at what has become of a request.
const lookTimeout = 30 * time.Second

// looking is a context for such a look. It goes on a little when the export's ends.
func looking(ctx context.Context) (context.Context, context.CancelFunc) {
	longer, settled := transfer.Settling(ctx)
	bounded, cancel := context.WithTimeout(longer, lookTimeout)
	return bounded, func() { cancel(); settled() }
}

// once keeps the client from repeating a request by itself.
func once(o *s3.Options) { o.RetryMaxAttempts = 1 }
