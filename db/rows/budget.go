package rows

import "context"

// Budget bounds the bytes that a request holds.
type Budget interface {
	// Hold charges bytes. After an error, nothing more is read for the request.
	Hold(bytes int) error
}

// BudgetKey is the key of a context's Budget, which reads are charged to.
type BudgetKey struct{}

func budgetOf(ctx context.Context) Budget {
	budget, _ := ctx.Value(BudgetKey{}).(Budget)
	return budget
}

const (
	// valueSize is about what the struct that a row is decoded into takes for each
	// value.
	valueSize = 24
	// chargeAt is how many bytes of rows are charged together.
	chargeAt = 4 << 10
)
