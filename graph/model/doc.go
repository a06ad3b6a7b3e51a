// Package model holds the Go types behind the schema's types. A model wraps a
// row of the domain; its methods are the fields that need nothing else.
//
// Input types and enums are generated (models_gen.go).
package model
