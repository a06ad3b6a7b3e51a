package graph

// Planned reports whether plans cover a field.
func Planned(typeName, field string) bool {
	_, ok := plannedTypes[typeName][field]
	return ok
}
