package s3test

import (
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

func (o *Object) etag() string {
	sum := md5.Sum(o.Data)
	if o.parts > 0 {
		return fmt.Sprintf(`"%s-%d"`, hex.EncodeToString(sum[:]), o.parts)
	}
	return `"` + hex.EncodeToString(sum[:]) + `"`
}

// free reports whether the condition of a request lets it make an object.
func (s *Server) free(r *request) *failure {
	if r.Header.Get("If-None-Match") == "*" && s.objects[r.key] != nil {
		return fail(http.StatusPreconditionFailed, "PreconditionFailed", "there is an object %q", r.key)
	}
	return nil
}

func metadata(h http.Header) map[string]string {
	m := make(map[string]string)
	for name, values := range h {
		if key, ok := strings.CutPrefix(strings.ToLower(name), "x-amz-meta-"); ok {
			m[key] = strings.Join(values, ",")
		}
	}
	return m
}

func (s *Server) putObject(r *request) *failure {
	checksum, failed := r.checksums()
	if failed != nil {
		return failed
	}
	if failed := s.free(r); failed != nil {
		return failed
	}
	o := &Object{Data: r.body, Metadata: metadata(r.Header), Header: r.Header.Clone(), checksum: checksum}
	s.objects[r.key] = o
	r.w.Header().Set("ETag", o.etag())
	return nil
}

func (s *Server) getObject(r *request) *failure {
	o := s.objects[r.key]
	if o == nil {
		return fail(http.StatusNotFound, "NoSuchKey", "there is no object %q", r.key)
	}
	h := r.w.Header()
	h.Set("ETag", o.etag())
	h.Set("Content-Length", strconv.Itoa(len(o.Data)))
	for name, value := range o.Metadata {
		h.Set("X-Amz-Meta-"+name, value)
	}
	if strings.EqualFold(r.Header.Get("X-Amz-Checksum-Mode"), "ENABLED") && o.parts == 0 {
		for name, value := range o.checksum {
			h.Set(name, value)
		}
	}
	if r.Method == http.MethodGet {
		_, _ = r.w.Write(o.Data)
	}
	return nil
}

func (s *Server) deleteObject(r *request) *failure {
	delete(s.objects, r.key)
	r.w.WriteHeader(http.StatusNoContent)
	return nil
}

type listed struct {
	Key  string
	Size int
	ETag string
}

func (s *Server) listObjects(r *request) *failure {
	prefix := r.URL.Query().Get("prefix")
	var list struct {
		XMLName  xml.Name `xml:"ListBucketResult"`
		Name     string
		Prefix   string
		KeyCount int
		Contents []listed
	}
	list.Name, list.Prefix = Bucket, prefix
	for _, key := range slices.Sorted(maps.Keys(s.objects)) {
		if o := s.objects[key]; strings.HasPrefix(key, prefix) {
			list.Contents = append(list.Contents, listed{key, len(o.Data), o.etag()})
		}
	}
	list.KeyCount = len(list.Contents)
	return r.answer(list)
}

func (r *request) answer(v any) *failure {
	r.w.Header().Set("Content-Type", "application/xml")
	if err := xml.NewEncoder(r.w).Encode(v); err != nil {
		return fail(http.StatusInternalServerError, "InternalError", "%v", err)
	}
	return nil
}

func (s *Server) createUpload(r *request) *failure {
	s.nextID++
	id := fmt.Sprintf("upload-%d", s.nextID)
	s.uploads[id] = &upload{key: r.key, header: r.Header.Clone(), parts: make(map[int]*Object)}
	return r.answer(struct {
		XMLName               xml.Name `xml:"InitiateMultipartUploadResult"`
		Bucket, Key, UploadId string
	}{Bucket: Bucket, Key: r.key, UploadId: id})
}

func (s *Server) upload(r *request) (*upload, *failure) {
	u := s.uploads[r.URL.Query().Get("uploadId")]
	if u == nil || u.key != r.key {
		return nil, fail(http.StatusNotFound, "NoSuchUpload", "there is no such upload")
	}
	return u, nil
}

func (s *Server) uploadPart(r *request) *failure {
	u, failed := s.upload(r)
	if failed != nil {
		return failed
	}
	checksum, failed := r.checksums()
	if failed != nil {
		return failed
	}
	number, err := strconv.Atoi(r.URL.Query().Get("partNumber"))
	if err != nil || number < 1 || number > 10000 {
		return fail(http.StatusBadRequest, "InvalidArgument", "part numbers go from 1 to 10000")
	}
	part := &Object{Data: r.body, checksum: checksum}
	u.parts[number] = part
	r.w.Header().Set("ETag", part.etag())
	return nil
}

// minPart is how small a part may be that is not the last.
const minPart = 5 << 20

func (s *Server) completeUpload(r *request) *failure {
	u, failed := s.upload(r)
	if failed != nil {
		return failed
	}
	var want struct {
		Part []struct {
			PartNumber     int
			ETag           string
			ChecksumSHA256 string
		}
	}
	if err := xml.Unmarshal(r.body, &want); err != nil {
		return fail(http.StatusBadRequest, "MalformedXML", "%v", err)
	}
	if failed := s.free(r); failed != nil {
		return failed
	}
	o := &Object{Metadata: metadata(u.header), Header: u.header, parts: len(want.Part), checksum: make(map[string]string)}
	sums := sha256.New()
	for i, p := range want.Part {
		part := u.parts[p.PartNumber]
		switch {
		case part == nil || part.etag() != p.ETag:
			return fail(http.StatusBadRequest, "InvalidPart", "part %d is another one", p.PartNumber)
		case p.ChecksumSHA256 != part.checksum["X-Amz-Checksum-Sha256"]:
			return fail(http.StatusBadRequest, "InvalidPart", "part %d has another checksum", p.PartNumber)
		case i > 0 && p.PartNumber <= want.Part[i-1].PartNumber:
			return fail(http.StatusBadRequest, "InvalidPartOrder", "part %d is out of order", p.PartNumber)
		case i < len(want.Part)-1 && len(part.Data) < minPart:
			return fail(http.StatusBadRequest, "EntityTooSmall", "part %d is too small", p.PartNumber)
		}
		o.Data = append(o.Data, part.Data...)
		raw, _ := base64.StdEncoding.DecodeString(p.ChecksumSHA256)
		_, _ = sums.Write(raw)
	}
	o.checksum["X-Amz-Checksum-Sha256"] = fmt.Sprintf("%s-%d", base64.StdEncoding.EncodeToString(sums.Sum(nil)), o.parts)
	s.objects[r.key] = o
	delete(s.uploads, r.URL.Query().Get("uploadId"))
	return r.answer(struct {
		XMLName           xml.Name `xml:"CompleteMultipartUploadResult"`
		Bucket, Key, ETag string
	}{Bucket: Bucket, Key: r.key, ETag: o.etag()})
}

func (s *Server) abortUpload(r *request) *failure {
	if _, failed := s.upload(r); failed != nil {
		return failed
	}
	delete(s.uploads, r.URL.Query().Get("uploadId"))
	r.w.WriteHeader(http.StatusNoContent)
	return nil
}

func (s *Server) listParts(r *request) *failure {
	u, failed := s.upload(r)
	if failed != nil {
		return failed
	}
	type listedPart struct {
		PartNumber, Size int
		ETag             string
	}
	var list struct {
		XMLName xml.Name `xml:"ListPartsResult"`
		Part    []listedPart
	}
	for _, number := range slices.Sorted(maps.Keys(u.parts)) {
		list.Part = append(list.Part, listedPart{number, len(u.parts[number].Data), u.parts[number].etag()})
	}
	return r.answer(list)
}

func (s *Server) listUploads(r *request) *failure {
	type listedUpload struct{ Key, UploadId string }
	var list struct {
		XMLName xml.Name `xml:"ListMultipartUploadsResult"`
		Upload  []listedUpload
	}
	for _, id := range slices.Sorted(maps.Keys(s.uploads)) {
		list.Upload = append(list.Upload, listedUpload{s.uploads[id].key, id})
	}
	return r.answer(list)
}
