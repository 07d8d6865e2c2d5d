package redact

import "testing"

// BenchmarkATextWithoutSecrets is what most texts of a run cost whose payload has a token.
func BenchmarkATextWithoutSecrets(b *testing.B) {
	r := New("eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.c4naryc4naryc4naryc4nary", "a-client-secret-value", "pass word")
	const text = "POST https://erp.example/invoices/2026-0042 (request): status 201 Created; Content-Type: application/json"
	b.ReportAllocs()
	for b.Loop() {
		_ = r.String(text)
	}
}

// BenchmarkNew is what every export costs that has three secrets.
func BenchmarkNew(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		_ = New("eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.c4naryc4naryc4naryc4nary", "a-client-secret-value", "pass word")
	}
}
