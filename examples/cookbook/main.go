// Cookbook runs exports to systems that many integrators meet, each with that system's
// habits: hooks as they are in Rossum, a hook call, and a small fake that insists on what
// the real system insists on.
//
//	go run ./examples/cookbook            plays every recipe
//	go run ./examples/cookbook netsuite   plays one
//
// Each recipe exports its invoice twice, as happens when somebody exports again in Rossum,
// and shows what the system holds then. No call leaves this machine: every host is a fake on
// loopback.
package main

import (
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"slices"
	"strings"
)

// recipes are those of the folders beside this file.
var recipes = []recipe{
	{"netsuite", startNetSuite},
	{"sap-odata", startSAP},
	{"sap-idoc", startIDocs},
	{"dynamics", startDynamics},
	{"coupa", startCoupa},
	{"file-erp", startFileERP},
}

func main() {
	flag.Parse()
	if err := run(os.Stdout, flag.Args()...); err != nil {
		log.Fatal(err)
	}
}

// run plays the named recipes, all of them if none is named.
func run(out io.Writer, names ...string) error {
	if len(names) == 0 {
		for _, r := range recipes {
			names = append(names, r.name)
		}
	}
	for _, name := range names {
		i := slices.IndexFunc(recipes, func(r recipe) bool { return r.name == name })
		if i < 0 {
			return fmt.Errorf("unknown recipe %q; the recipes are %s", name, list())
		}
		if err := recipes[i].play(out); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

func list() string {
	var names []string
	for _, r := range recipes {
		names = append(names, r.name)
	}
	return strings.Join(names, ", ")
}
