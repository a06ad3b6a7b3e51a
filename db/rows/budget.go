package rows

import "context"

// Budget bounds the bytes that a request holds.
type Budget interface {
	// Hold charges bytes. After an error, nothing more is read for the request.
	Hold(bytes int) error
}

// BudgetKey is the context key of the Budget that reads are charged to.
type BudgetKey struct{}

func budgetOf(ctx context.Context) Budget {
	budget, _ := ctx.Value(BudgetKey{}).(Budget)
	return budget
}

const (
	// valueSize is the approximate size of a decoded value in its struct, in bytes.
	valueSize = 24
	// chargeAt is the number of bytes of rows that are charged together.
	chargeAt = 4 << 10
)
