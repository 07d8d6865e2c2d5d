package main

import (
	"context"
	"embed"
	"fmt"
	"os"
	"strings"
)

const schemaHelp = `
exportrun schema writes the JSON Schema of a hook file, or of one component's settings, so
that editors complete keys, show what they mean, and underline what is wrong.

  exportrun schema                 lists the schemas
  exportrun schema hook [-out FILE]
  exportrun schema COMPONENT [-out FILE]

"hook" is the schema of whole hook files, as the deployment tool prd2 keeps them; it
recognises a component by config.url. How editors use it is in the guide
examples/exportrun/schemas/README.md.

Exit codes: 0 the schema is written; 2 there is no such schema, or the file cannot be
written.

Examples
  exportrun schema hook -out .vscode/hook.schema.json
  exportrun schema rest-api-export
`

//go:embed schemas/*.schema.json
var schemas embed.FS

// schemaNames lists the schemas, each with what it is of.
var schemaNames = [][2]string{
	{"hook", "a whole hook file"},
	{"custom-format-templating-purge", "settings of Cleaning"},
	{"custom-format-templating", "settings of Custom format templating"},
	{"rest-api-export", "settings of REST API export"},
	{"data-value-extractor", "settings of Data value extractor"},
	{"export-evaluator", "settings of Export evaluator"},
	{"reply-evaluator", "settings of the evaluator of replies"},
	{"request-processor", "settings of the Request Processor"},
	{"file-storage-export", "settings of SFTP and S3 export"},
	{"workday", "settings of Workday export"},
}

func schemaCommand(_ context.Context, args []string, out *terminal) int {
	f := newFlags("schema", schemaHelp)
	file := f.String("out", "", "write the schema to this `file` instead of the standard output")
	rest, err := parseFlags(f, args, out)
	if err == nil && len(rest) > 1 {
		err = fmt.Errorf("%s given; give one", count(len(rest), "schema"))
	}
	if err != nil {
		return code(err, out)
	}
	if len(rest) == 0 {
		for _, s := range schemaNames {
			fmt.Fprintf(out.stdout, "%-31s %s\n", s[0], s[1])
		}
		return answered
	}
	text, err := schemas.ReadFile("schemas/" + rest[0] + ".schema.json")
	if err != nil {
		var names []string
		for _, s := range schemaNames {
			names = append(names, s[0])
		}
		return out.fail(fmt.Errorf("unknown schema %q; the schemas are %s", rest[0], strings.Join(names, ", ")))
	}
	if *file == "" {
		_, err = out.stdout.Write(text)
	} else {
		err = os.WriteFile(*file, text, 0o644)
	}
	if err != nil {
		return out.fail(err)
	}
	return answered
}
