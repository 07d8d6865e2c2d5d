package main

import "os"

func Example() {
	if err := run(os.Stdout); err != nil {
		panic(err)
	}
	// Output:
	// the API got POST text/csv
	// Document ID,Item,Quantity
	// 2026-0042,Paper,5
	// 2026-0042,Toner,1
	// messages 0, operations {"content":{"value":"201"}}
}
