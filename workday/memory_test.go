package workday

import (
	"bytes"
	"context"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
	"time"
)

func newXMLDecoder(data []byte) *xml.Decoder { return xml.NewDecoder(bytes.NewReader(data)) }

// TestALargeAttachmentIsStreamed sends 40 MB under a memory limit, and measures the
// heap meanwhile.
func TestALargeAttachmentIsStreamed(t *testing.T) {
	const size, most = 40 << 20, 20 << 20
	var server *httptest.Server
	received := int64(0)
	server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			address := server.URL + "/soap"
			_, _ = w.Write(
				bytes.Replace(
					read(t, "workdaytest/Resource_Management.wsdl"),
					[]byte("https://services.example.test/ccx/service/acme_dpt1/Resource_Management/v39.1"),
					[]byte(address),
					1,
				),
			)
			return
		}
		received, _ = io.Copy(io.Discard, r.Body)
		fmt.Fprint(
			w,
			`<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body><r:Submit_Supplier_Invoice_Response xmlns:r="urn:com.workday/bsvc"/></e:Body></e:Envelope>`,
		)
	}))
	defer server.Close()
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	c, err := NewClient(
		WSDL{Domain: strings.TrimPrefix(server.URL, "http://"), Tenant: "t", APIVersion: "v1", Protocol: "http"},
		"u",
		"p",
		ClientOptions{HTTPClient: client},
	)
	if err != nil {
		t.Fatal(err)
	}
	send := func(file any) {
		_, err := c.Call(t.Context(), "Resource_Management", "Submit_Supplier_Invoice", map[string]any{"Supplier_Invoice_Data": map[string]any{
			"Company_Reference": map[string]any{}, "Attachment_Data": map[string]any{"File_Content": file},
		}})
		if err != nil {
			t.Fatal(err)
		}
	}
	send([]byte("small")) // the WSDL is known from here on
	defer debug.SetGCPercent(debug.SetGCPercent(20))
	runtime.GC()
	before := heap()
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(int64(before) + most))
	done, peak := make(chan struct{}), make(chan uint64)
	go func() {
		highest := uint64(0)
		for {
			select {
			case <-done:
				peak <- highest
				return
			case <-time.After(time.Millisecond):
				highest = max(highest, heap())
			}
		}
	}()
	send(zeros(size))
	close(done)
	raised := int64(<-peak) - int64(before)
	t.Logf("the heap rose by %.1f MB while %.1f MB were sent", float64(raised)/(1<<20), float64(received)/(1<<20))
	if received < size*4/3 {
		t.Errorf("%d bytes arrived", received)
	}
	if raised > most {
		t.Errorf("the heap rose by %d bytes; the most is %d", raised, most)
	}
}

func heap() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// zeros is a file of that many bytes.
type zeros int64

func (z zeros) Size() int64 { return int64(z) }

func (z zeros) Open(context.Context) (io.ReadCloser, error) {
	return io.NopCloser(io.LimitReader(zeroReader{}, int64(z))), nil
}

type zeroReader struct{}

func (zeroReader) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
