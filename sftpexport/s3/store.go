package s3

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/exportpipeline/exportpipeline/sftpexport"
	"github.com/exportpipeline/exportpipeline/sftpexport/internal/naming"
)

// store is what is known of a kind of S3 from its address.
type store struct {
	region string // where the settings have none
	// generations says that a condition is a generation's number (Google).
	generations bool
	// conditional says that If-None-Match is known to be obeyed.
	conditional bool
	// md5 says that no checksums but Content-MD5 are taken.
	md5 bool
}

// storeAt finds out what is behind an endpoint; "" is Amazon's.
func storeAt(endpoint string) store {
	u, err := url.Parse(endpoint)
	if err != nil || endpoint == "" {
		return store{conditional: true}
	}
	host := u.Hostname()
	labels := strings.Split(host, ".")
	second := func() string { return labels[min(1, len(labels)-1)] } // of s3.region.example.com
	switch {
	case strings.HasSuffix(host, ".amazonaws.com"), strings.HasSuffix(host, ".amazonaws.com.cn"):
		return store{conditional: true}
	case host == "storage.googleapis.com" || strings.HasSuffix(host, ".storage.googleapis.com"):
		return store{region: "auto", generations: true, md5: true}
	case strings.HasSuffix(host, ".r2.cloudflarestorage.com"):
		return store{region: "auto"}
	case strings.HasSuffix(host, ".backblazeb2.com"):
		return store{region: second(), md5: true}
	case strings.HasPrefix(host, "s3.") && strings.HasSuffix(host, ".wasabisys.com") && len(labels) == 4:
		return store{region: second()}
	}
	return store{}
}

// needsPath reports whether a bucket's name cannot be a part of the host's.
func needsPath(c *sftpexport.Credentials) bool {
	u, err := url.Parse(c.Endpoint)
	if err != nil || c.Endpoint == "" {
		return strings.Contains(c.Bucket, ".") // no certificate fits two more labels
	}
	return net.ParseIP(u.Hostname()) != nil || u.Hostname() == "localhost" || !strings.Contains(u.Hostname(), ".") ||
		strings.ContainsAny(c.Bucket, "._ABCDEFGHIJKLMNOPQRSTUVWXYZ")
}

// withoutAcceptEncoding keeps a header out of the signature that proxies and Google's
// front ends change. It is there again when the request goes out.
func withoutAcceptEncoding(stack *middleware.Stack) error {
	set := func(id, value string) middleware.FinalizeMiddleware {
		return middleware.FinalizeMiddlewareFunc(id, func(ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler) (middleware.FinalizeOutput, middleware.Metadata, error) {
			if r, ok := in.Request.(*smithyhttp.Request); ok {
				r.Header.Del("Accept-Encoding")
				if value != "" {
					r.Header.Set("Accept-Encoding", value)
				}
			}
			return next.HandleFinalize(ctx, in)
		})
	}
	return errors.Join(
		stack.Finalize.Insert(set("exportpipeline:noAcceptEncoding", ""), "Signing", middleware.Before),
		stack.Finalize.Insert(set("exportpipeline:acceptEncoding", "identity"), "Signing", middleware.After),
	)
}

// ErrNoCondition means that a store cannot put an object on the condition that there is
// none.
var ErrNoCondition = errors.New("the store cannot refuse to overwrite an object (it has no conditional PUT). Set filename_collision to {\"replace\": true} and give " +
	"each file a name of its own, as with {annotation.id}; or set credentials.conditional_put to false, which looks first and overwrites what appears in the same moment")

// isConditional reports whether objects are put on a condition.
func (c *bucket) isConditional(rule sftpexport.CollisionRule) bool {
	return rule != sftpexport.CollisionReplace && (c.settings.ConditionalPut == nil || *c.settings.ConditionalPut)
}

// condition makes a request fail if there is an object.
func (c *bucket) condition(rule sftpexport.CollisionRule) (ifNoneMatch *string, options []func(*s3.Options)) {
	switch {
	case !c.isConditional(rule):
		return nil, nil
	case c.store.generations:
		return nil, []func(*s3.Options){s3.WithAPIOptions(smithyhttp.SetHeaderValue("X-Goog-If-Generation-Match", "0"))}
	}
	return aws.String("*"), nil
}

// checkCondition finds out, once, whether the store obeys a condition, by putting an
// empty object twice.
func (c *bucket) checkCondition(ctx context.Context, directory string) error {
	c.checking.Lock()
	defer c.checking.Unlock()
	if c.obeys {
		return nil
	}
	key, isStore := naming.Join(directory, naming.Probe), false
	put := func() error {
		match, options := c.condition(sftpexport.CollisionRefuse)
		out, err := c.api.PutObject(ctx, &s3.PutObjectInput{
			Bucket: &c.settings.Bucket, Key: &key, Body: bytes.NewReader(nil), IfNoneMatch: match, ServerSideEncryption: c.encryption(),
			ContentMD5: aws.String("1B2M2Y8AsgTpgAmY7PhCfg=="), // of nothing; buckets with locks insist on it
		}, options...)
		isStore = err == nil && out.ETag != nil
		return err
	}
	for range 2 {
		err := put()
		switch status := statusOf(err); {
		case status == http.StatusPreconditionFailed, status == http.StatusConflict, status == http.StatusForbidden:
			c.obeys = true // those who may not try it find out when it matters
		case refusesCondition(err):
			return fmt.Errorf("%w: %w", ErrNoCondition, err)
		case err != nil:
			return explain(err)
		default:
			continue
		}
		break
	}
	_, _ = c.api.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &c.settings.Bucket, Key: &key})
	switch {
	case !c.obeys && !isStore:
		return ErrNotS3
	case !c.obeys:
		return fmt.Errorf("%w: it takes the condition, and overwrites all the same", ErrNoCondition)
	}
	return nil
}

// refusesCondition reports whether a store says that it knows no condition.
func refusesCondition(err error) bool {
	code := codeOf(err)
	return code == "NotImplemented" || statusOf(err) == http.StatusNotImplemented ||
		(code == "InvalidArgument" || code == "InvalidRequest") && mentions(err, "if-none-match", "precondition", "conditional")
}

// refusesChecksum reports whether a store does not know the newer checksums.
func refusesChecksum(err error) bool {
	switch codeOf(err) {
	case "InvalidArgument", "InvalidRequest", "NotImplemented", "BadRequest":
		return mentions(err, "checksum")
	}
	return false
}

// mentions looks for words in what a store says.
func mentions(err error, words ...string) bool {
	var said smithy.APIError
	if !errors.As(err, &said) {
		return false
	}
	text := strings.ToLower(said.ErrorMessage())
	for _, word := range words {
		if strings.Contains(text, word) {
			return true
		}
	}
	return false
}
