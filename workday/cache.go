package workday

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"time"

	"github.com/exportpipeline/exportpipeline/workday/internal/wsdl"
)

// A file of the cache is a line that names its format, a checksum of what follows, the
// time at which the WSDL was fetched, the length of its address, the address, and the
// document.
var (
	cacheMagic = fmt.Appendf(nil, "exportpipeline WSDL %d\n", wsdl.Format)
	cacheSums  = crc32.MakeTable(crc32.Castagnoli)
)

// kept is a WSDL of the cache.
type kept struct {
	doc     *wsdl.Document
	fetched time.Time
	size    int // of the file, in bytes
}

func (d *documents) file(address string) string {
	sum := sha256.Sum256([]byte(address))
	return filepath.Join(d.dir, hex.EncodeToString(sum[:16])+".wsdl-cache")
}

// load returns the WSDL of an address that is kept; nil if there is none of use.
func (d *documents) load(address string, now time.Time) *kept {
	if d.dir == "" {
		return nil
	}
	data, err := os.ReadFile(d.file(address))
	if err != nil {
		return nil
	}
	rest, ok := bytes.CutPrefix(data, cacheMagic)
	if !ok || len(rest) < 16 {
		return nil
	}
	sum, rest := binary.BigEndian.Uint32(rest), rest[4:]
	if crc32.Checksum(rest, cacheSums) != sum {
		return nil
	}
	fetched := time.Unix(0, int64(binary.BigEndian.Uint64(rest)))
	length := int(binary.BigEndian.Uint32(rest[8:]))
	rest = rest[12:]
	if length > len(rest) || string(rest[:length]) != address || fetched.After(now) || !now.Before(fetched.Add(d.lifetime)) {
		return nil
	}
	doc, err := wsdl.Load(rest[length:])
	if err != nil {
		return nil
	}
	return &kept{doc, fetched, len(data)}
}

// keep writes a WSDL to the cache. A reader sees all of the file or the one before.
func (d *documents) keep(address string, doc *wsdl.Document, fetched time.Time) error {
	if d.dir == "" {
		return nil
	}
	if err := os.MkdirAll(d.dir, 0o700); err != nil {
		return err
	}
	body := binary.BigEndian.AppendUint64(nil, uint64(fetched.UnixNano()))
	body = binary.BigEndian.AppendUint32(body, uint32(len(address)))
	body = doc.Append(append(body, address...))
	head := binary.BigEndian.AppendUint32(bytes.Clone(cacheMagic), crc32.Checksum(body, cacheSums))
	f, err := os.CreateTemp(d.dir, ".new-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // which is gone if all went well
	for _, part := range [][]byte{head, body} {
		if _, err := f.Write(part); err != nil {
			f.Close()
			return err
		}
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), d.file(address))
}
