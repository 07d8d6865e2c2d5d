package send_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/send"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
)

// api answers as an ERP does.
func api() *httptest.Server {
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/token" {
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write([]byte(`{"access_token": "t-1", "expires_in": 3600}`))
			return
		}
		w.WriteHeader(http.StatusCreated)
		_, _ = w.Write([]byte(strings.TrimSpace("created " + r.Header.Get("Authorization"))))
	}))
}

// export runs a step on an invoice.
func export(run func(ctx context.Context, x *pipeline.Export) error) {
	chain, err := pipeline.New(pipeline.Named("ERP", pipeline.StepFunc(run)))
	if err != nil {
		fmt.Println(err)
		return
	}
	if _, err := chain.Export(context.Background(), rossumtest.Annotation(rossumtest.Offline()).Payload()); err != nil {
		fmt.Println(err)
	}
}

func ExampleDo() {
	erp := api()
	defer erp.Close()
	export(func(ctx context.Context, x *pipeline.Export) error {
		reply, err := send.Do(ctx, x, &send.Call{
			Name: "create", Method: "POST", URL: erp.URL + "/invoices", Body: pipeline.Bytes(`{"number":"1"}`),
		})
		if err != nil {
			return err
		}
		fmt.Println(reply.Status, string(reply.Body))
		return nil
	})
	// Output: 201 created
}

func ExampleError() {
	erp := api()
	erp.Close()
	export(func(ctx context.Context, x *pipeline.Export) error {
		_, err := send.Do(ctx, x, &send.Call{Name: "create", Method: "POST", URL: erp.URL, MaxAttempts: 1})
		var failed *send.Error
		if errors.As(err, &failed) {
			fmt.Println("may have been received:", failed.Sent)
		}
		fmt.Println("can be made again:", errors.Is(err, pipeline.ErrNotSent))
		return nil
	})
	// Output:
	// may have been received: false
	// can be made again: true
}

func ExampleClient() {
	erp := api()
	defer erp.Close()
	export(func(ctx context.Context, x *pipeline.Export) error {
		library := send.Client(x) // for a library that wants an *http.Client
		reply, err := library.Post(erp.URL+"/invoices", "application/json", strings.NewReader(`{"number":"1"}`))
		if err != nil {
			return err
		}
		defer reply.Body.Close()
		fmt.Println(reply.Status)
		return nil
	})
	// Output: 201 Created
}

func ExampleTokens() {
	erp := api()
	defer erp.Close()
	var tokens send.Tokens // of the step's program, shared by all exports
	export(func(ctx context.Context, x *pipeline.Export) error {
		token, err := tokens.Get(ctx, x, send.TokenRequest{Call: &send.Call{
			Method: "POST", URL: erp.URL + "/token", Header: http.Header{"Content-Type": {send.FormType}},
			Body: send.URLEncoded([2]string{"grant_type", "client_credentials"}),
		}})
		if err != nil {
			return err
		}
		call := &send.Call{Name: "create", Method: "POST", URL: erp.URL + "/invoices"}
		call.SetHeader("Authorization", "Bearer "+token)
		reply, err := send.Do(ctx, x, call)
		if err != nil {
			return err
		}
		fmt.Println(string(reply.Body))
		return nil
	})
	// Output: created Bearer t-1
}

func ExampleOAuth1() {
	erp := api()
	defer erp.Close()
	export(func(ctx context.Context, x *pipeline.Export) error {
		call := &send.Call{Name: "create", Method: "POST", URL: erp.URL + "/invoices", Body: pipeline.Bytes(`{"number":"1"}`)}
		signer := send.OAuth1{
			ConsumerKey: "client", ConsumerSecret: x.Secrets["consumer_secret"],
			TokenKey: "token", TokenSecret: x.Secrets["token_secret"], Realm: "TSTDRV1",
		}
		if err := signer.Sign(x, call); err != nil {
			return err
		}
		reply, err := send.Do(ctx, x, call)
		if err != nil {
			return err
		}
		signed, _, _ := strings.Cut(string(reply.Body), ",")
		fmt.Println(signed)
		return nil
	})
	// Output: created OAuth realm="TSTDRV1"
}

func ExamplePrivateKey_Assertion() {
	made, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		fmt.Println(err)
		return
	}
	secret := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(made)}) // of the hook's secrets
	key, err := send.ParsePrivateKey(string(secret))
	if err != nil {
		fmt.Println(err)
		return
	}
	claims, err := json.Marshal(map[string]any{"iss": "client", "aud": "https://erp.example/token", "iat": 1764064800, "exp": 1764068400})
	if err != nil {
		fmt.Println(err)
		return
	}
	assertion, err := key.Assertion("PS256", "certificate-1", claims)
	if err != nil {
		fmt.Println(err)
		return
	}
	body := send.URLEncoded([2]string{"grant_type", "client_credentials"}, [2]string{"client_assertion", assertion})
	fmt.Println(string(body[:46]), len(strings.Split(assertion, ".")), "parts")
	// Output: grant_type=client_credentials&client_assertion 3 parts
}

func ExampleMultipart() {
	erp := api()
	defer erp.Close()
	export(func(ctx context.Context, x *pipeline.Export) error {
		body, contentType, err := send.Multipart(x.NewID(),
			send.Part{Name: "vendor", Content: pipeline.Bytes("Acme")},
			send.Part{Name: "file", File: true, FileName: "invoice.pdf", ContentType: "application/pdf", Content: pipeline.Bytes("%PDF-1.7")},
		)
		if err != nil {
			return err
		}
		call := &send.Call{Name: "upload", Method: "POST", URL: erp.URL + "/files", Body: body}
		call.SetHeader("Content-Type", contentType)
		reply, err := send.Do(ctx, x, call)
		if err != nil {
			return err
		}
		fmt.Println(reply.Status)
		return nil
	})
	// Output: 201
}

// A call that only reads is made again when the answer was lost.
func ExampleAsk() {
	erp := api()
	defer erp.Close()
	export(func(ctx context.Context, x *pipeline.Export) error {
		reply, err := send.Ask(ctx, x, &send.Call{Name: "look up", Method: "GET", URL: erp.URL + "/suppliers/7"})
		if err != nil {
			return err
		}
		fmt.Println(reply.Status)
		return nil
	})
	// Output: 201
}

func ExampleURLEncoded() {
	body := send.URLEncoded([2]string{"grant_type", "password"}, [2]string{"username", "a&b c"})
	fmt.Println(string(body))
	// Output: grant_type=password&username=a%26b+c
}
