package measure

import (
	"crypto/md5"
	"encoding/hex"
	"io"
	"net/http"
	"strconv"
	"sync"
)

// bucket is a store that forgets what its objects hold, so that the memory that is
// measured is that of whoever sends.
type bucket struct {
	mu    sync.Mutex
	sizes map[string]int64
	parts int64 // bytes of the upload that has begun
}

func (b *bucket) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	sum := md5.New()
	n, err := io.Copy(sum, r.Body)
	if err != nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	query, key := r.URL.Query(), r.URL.Path
	size, exists := b.sizes[key]
	switch isPart := query.Has("uploadId"); {
	case r.Header.Get("If-None-Match") == "*" && exists:
		w.WriteHeader(http.StatusPreconditionFailed)
	case r.Method == http.MethodPost && query.Has("uploads"):
		b.parts = 0
		_, _ = io.WriteString(w, `<InitiateMultipartUploadResult><UploadId>1</UploadId></InitiateMultipartUploadResult>`)
	case r.Method == http.MethodPost:
		b.put(key, b.parts)
		_, _ = io.WriteString(w, `<CompleteMultipartUploadResult><ETag>"1-5"</ETag></CompleteMultipartUploadResult>`)
	case r.Method == http.MethodPut:
		if b.parts += n; !isPart {
			b.put(key, n)
		}
		w.Header().Set("ETag", `"`+hex.EncodeToString(sum.Sum(nil))+`"`)
	case r.Method == http.MethodDelete:
		delete(b.sizes, key)
		w.WriteHeader(http.StatusNoContent)
	case !exists:
		w.WriteHeader(http.StatusNotFound)
	default:
		w.Header().Set("Content-Length", strconv.FormatInt(size, 10))
		w.Header().Set("ETag", `"1-5"`)
	}
}

func (b *bucket) put(key string, size int64) {
	if b.sizes == nil {
		b.sizes = make(map[string]int64)
	}
	b.sizes[key] = size
}
