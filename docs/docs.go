// Package docs embeds the documents, which the server's page links to.
package docs

import "embed"

// Files holds the documents by their names.
//
//go:embed *.md
var Files embed.FS
