// Package model holds the Go types behind the schema's types. A model wraps a
// row of the domain and knows which rows were read together with it: its
// siblings, for which a loader reads a field in one statement.
//
// Input types and enums are generated (models_gen.go).
package model
