package organisation_test

import (
	"context"
	"fmt"
	"testing/fstest"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/organisation"
	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
	"github.com/exportpipeline/exportpipeline/steps"
)

func ExampleFromHooks() {
	// os.DirFS("acme") reads a folder of prd2.
	acme, err := rossum.LoadOrganisation(fstest.MapFS{
		"hooks/CSV_[1].json": {Data: []byte(`{
			"id": 1, "name": "CSV", "type": "webhook", "active": true, "events": ["annotation_content.export"],
			"queues": ["https://acme.rossum.app/api/v1/queues/8199"],
			"run_after": ["https://acme.rossum.app/api/v1/hooks/2"],
			"config": {"url": "https://elis.custom-format-templating.rossum-ext.app/"},
			"settings": {"export_configs": [{"export_reference_key": "csv", "file_content_template": "{{ field.document_id }}"}]}
		}`)},
		"hooks/Duplicates_[2].json": {Data: []byte(`{
			"id": 2, "name": "Duplicates", "type": "webhook", "active": true, "events": ["annotation_content"],
			"queues": ["https://acme.rossum.app/api/v1/queues/8199"],
			"config": {"private": true}, "settings": {"configurations": []}
		}`)},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	registry := &organisation.Registry{}
	steps.Register(registry, steps.RegisterOptions{}) // and sftpexport.Register, workday.Register
	queue := "https://acme.rossum.app/api/v1/queues/8199"
	chain, err := organisation.FromHooks(acme.Hooks, registry, organisation.Options{Queue: queue, LeaveOut: []string{"Duplicates"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer chain.Close()
	vault := func(_ context.Context, h *rossum.Hook) (rossum.Secrets, error) {
		return rossum.Secrets{"api_key": "of " + h.Name}, nil
	}
	call := rossumtest.Annotation(rossumtest.Field("document_id", "2026-0042"), rossumtest.Offline())
	_, err = chain.Export(context.Background(), call.Payload(), pipeline.WithSecrets(vault),
		pipeline.WithReport(func(_ context.Context, r *pipeline.Report) {
			fmt.Println(r.Steps[0].Name, r.Steps[0].Status)
			fmt.Println("left out:", r.LeftOut[0].Hook, r.LeftOut[0].Why)
		}))
	fmt.Println(err)
	// Output:
	// CSV done
	// left out: "Duplicates" (id 2) as the options say; passed through by "CSV" (id 1)
	// <nil>
}

func ExampleSecretsByHook() {
	hooks := []*rossum.Hook{{ID: 1, Name: "ERP"}, {ID: 2, Name: "Archive"}}
	secretsOf, err := organisation.SecretsByHook(hooks, map[string]rossum.Secrets{"ERP": {"api_key": "k"}, "2": {"password": "p"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	secrets, err := secretsOf(context.Background(), hooks[0])
	fmt.Println(len(secrets["api_key"]), err)
	_, err = organisation.SecretsByHook(hooks, map[string]rossum.Secrets{"EPR": {"api_key": "k"}})
	fmt.Println(err != nil)
	// Output:
	// 1 <nil>
	// true
}

// An extension of your own gets an address, as Rossum's have one.
func ExampleRegistry() {
	var registry organisation.Registry
	registry.Register(organisation.Kind{
		Name: "greeter", // as in https://exports.example.com/greeter
		Make: func(h *rossum.Hook) (pipeline.Step, error) {
			return pipeline.StepFunc(func(_ context.Context, x *pipeline.Export) error {
				x.Info("hello from %s", h.Name)
				return nil
			}), nil
		},
	})
	fmt.Println(registry.Names(), registry.Err())
	// Output: [greeter] <nil>
}
