package pgledger_test

import (
	"context"
	"fmt"

	"github.com/exportpipeline/exportpipeline/pipeline/pgledger"
	"github.com/jackc/pgx/v5/pgxpool"
)

func ExampleOpen() {
	ctx := context.Background()
	pool, err := pgxpool.New(ctx, "host=database.internal user=exports dbname=exports")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer pool.Close()
	ledger, err := pgledger.Open(ctx, pool, pgledger.Options{Schema: "exports"})
	if err != nil {
		fmt.Println("no database at hand")
		return
	}
	defer ledger.Close()
}
