package model

import (
	"encoding/base64"
	"strings"
	"unicode/utf8"
)

// NodeKey is what a global id says: the type, and the key within it.
type NodeKey struct {
	Type string
	// Path is a resource's or a version's path, an event's event_id, or an execution's id.
	Path string
	// Label is a version's.
	Label string
}

// ResourceID returns the global id of a resource.
func ResourceID(path string) string { return encodeID("Resource", path) }

// VersionID returns the global id of a version. No text in PostgreSQL holds a zero
// byte, so it can stand between the two parts.
func VersionID(path, label string) string { return encodeID("Version", path+"\x00"+label) }

// EventNodeID returns the global id of an event.
func EventNodeID(eventID string) string { return encodeID("Event", eventID) }

// ExecutionNodeID returns the global id of an execution.
func ExecutionNodeID(executionID string) string { return encodeID("Execution", executionID) }

func encodeID(kind, key string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(kind + ":" + key))
}

// maxID is far beyond the longest id that encodeID makes.
const maxID = 4096

// DecodeID reads a global id; false for anything that encodeID did not make.
func DecodeID(id string) (NodeKey, bool) {
	if len(id) > maxID {
		return NodeKey{}, false
	}
	raw, err := base64.RawURLEncoding.DecodeString(id)
	if err != nil || !utf8.Valid(raw) {
		return NodeKey{}, false
	}
	kind, key, found := strings.Cut(string(raw), ":")
	if !found {
		return NodeKey{}, false
	}
	path, label, two := strings.Cut(key, "\x00")
	if strings.Contains(label, "\x00") || two != (kind == "Version") {
		return NodeKey{}, false
	}
	switch kind {
	case "Resource", "Version", "Event", "Execution":
		return NodeKey{Type: kind, Path: path, Label: label}, true
	}
	return NodeKey{}, false
}
