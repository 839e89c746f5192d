// What a pgx program does through the edge. Connection by the PG* variables; prints one JSON object.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

func main() {
	if err := run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	outcome := map[string]any{}
	connection, err := pgx.Connect(ctx, "")
	if err != nil {
		return err
	}
	defer connection.Close(ctx)

	var number int
	var text string
	var isNull bool
	if err := connection.QueryRow(ctx, "SELECT $1::int + 1, $2::text, $3::text IS NULL", 41, "naïve", nil).
		Scan(&number, &text, &isNull); err != nil {
		return err
	}
	outcome["parameters"] = []any{number, text, isNull}

	total := 0
	for i := range 20 {
		var doubled int
		if err := connection.QueryRow(ctx, "SELECT $1::int * 2", i).Scan(&doubled); err != nil {
			return err
		}
		total += doubled
	}
	outcome["prepared"] = total

	total = 0
	for i := range 20 {
		var doubled int
		if err := connection.QueryRow(ctx, "SELECT client_code()").Scan(&number); err != nil {
			return err
		}
		if err := connection.QueryRow(ctx, "SELECT $1::int * 2", i).Scan(&doubled); err != nil {
			return err
		}
		total += doubled
	}
	outcome["prepared_after_code"] = total

	_, err = connection.Exec(ctx, "SELECT no_such_column FROM client_rows")
	outcome["error"] = sqlState(err)
	if err := connection.QueryRow(ctx, "SELECT 1").Scan(&number); err != nil {
		return err
	}
	outcome["after_error"] = number

	if err := pgx.BeginFunc(ctx, connection, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "INSERT INTO client_rows VALUES ($1, $2)", 900003, "pgx"); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, "DELETE FROM client_rows WHERE id = $1", 900003)
		return err
	}); err != nil {
		return err
	}

	var lines bytes.Buffer
	if _, err := connection.PgConn().CopyTo(ctx, &lines, "COPY client_rows TO STDOUT"); err != nil {
		return err
	}
	outcome["copy_out"] = bytes.Count(lines.Bytes(), []byte("\n"))
	copied, err := connection.CopyFrom(ctx, pgx.Identifier{"client_copies"}, []string{"id", "label"},
		pgx.CopyFromSlice(1000, func(i int) ([]any, error) { return []any{i, "pgx"}, nil }))
	if err != nil {
		return err
	}
	outcome["copy_in"] = copied

	rows, err := connection.Query(ctx, "SELECT * FROM generate_series(1, 50000)")
	if err != nil {
		return err
	}
	all, err := pgx.CollectRows(rows, pgx.RowTo[int])
	if err != nil {
		return err
	}
	outcome["large"] = len(all)

	batch := &pgx.Batch{}
	for i := range 10 {
		batch.Queue("SELECT $1::int", i)
	}
	results := connection.SendBatch(ctx, batch)
	total = 0
	for range 10 {
		if err := results.QueryRow().Scan(&number); err != nil {
			return err
		}
		total += number
	}
	if err := results.Close(); err != nil {
		return err
	}
	outcome["pipelined"] = total

	go func() {
		time.Sleep(500 * time.Millisecond)
		_ = connection.PgConn().CancelRequest(ctx)
	}()
	_, err = connection.Exec(ctx, "SELECT pg_sleep(30)")
	outcome["cancelled"] = sqlState(err)

	_, err = connection.Exec(ctx, "DROP TABLE client_rows")
	outcome["blocked"] = sqlState(err)
	if err := connection.QueryRow(ctx, "SELECT 2").Scan(&number); err != nil {
		return err
	}
	outcome["after_block"] = number
	return json.NewEncoder(os.Stdout).Encode(outcome)
}

func sqlState(err error) string {
	var failure *pgconn.PgError
	if errors.As(err, &failure) {
		return failure.Code
	}
	return fmt.Sprint(err)
}
