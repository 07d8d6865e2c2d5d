// Package send is how a step calls an HTTP API: an ERP gets each call once, whatever
// happens to the process, the network or the hook call.
//
//	reply, err := send.Do(ctx, x, &send.Call{
//		Name: "create", Method: "POST", URL: "https://erp.example/invoices",
//		Body: pipeline.Bytes(body),
//	})
//
// [Do] announces the call to the export's ledger before its first byte goes out, makes
// it, and notes the reply before the step sees it, by [pipeline.Export.Once]. When the
// run goes on after a crash, a call whose reply is known is not made again. Besides:
//
//   - A call is repeated by itself only when nothing of it can have reached the other
//     side, or as [Call].Retry says; net/http repeats nothing on its own.
//   - An error is an [*Error], which says whether the other side may have got the call.
//   - A redirect is followed only for GET and HEAD, on the same host and with the same
//     scheme. Link-local addresses, where clouds keep credentials, are refused.
//   - A reply is read to its end, 64 MiB at most. gzip and deflate are undone, whatever
//     was asked for.
//   - The report gets method, address, status and sizes, and neither credentials nor
//     content.
//
// A step whose library wants an *http.Client gives it that of [Client], with the same
// rules. OAuth 2 tokens come from [Tokens], also by an assertion of a [PrivateKey];
// [OAuth1] signs calls. Bodies of forms are made by [URLEncoded] and [Multipart]. How many
// calls a system gets at once, or in a second, is for the program to say
// ([pipeline.WithLimiter]).
package send
