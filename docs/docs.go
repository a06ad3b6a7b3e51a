// Package docs embeds the documents, which the server's page links to.
package docs

import "embed"

//go:embed *.md
var Files embed.FS
