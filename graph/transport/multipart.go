package transport

const (
	boundary = "graphql"
	// Each part ends with the boundary of the next: clients read a part when
	// they see its end.
	partHead = "\r\nContent-Type: application/json; charset=utf-8\r\n\r\n"
	partTail = "\r\n--" + boundary
)

// multipartIncrements frames the parts of a response to @defer in the form of
// 2022-08-24 (deferSpec=20220824), which Apollo Client and urql support.
type multipartIncrements struct{}

func (multipartIncrements) mediaType() string {
	return multipartMixed + `; boundary="` + boundary + `"; deferSpec=20220824`
}
func (multipartIncrements) opening() string         { return "--" + boundary }
func (multipartIncrements) keepAlive(string) string { return "" }
func (multipartIncrements) closing() string         { return "--\r\n" }
func (multipartIncrements) part(string) (head, tail string) {
	return partHead, partTail
}

// multipartEvents frames the responses of a subscription in Apollo's own form
// (subscriptionSpec=1.0, see
// https://www.apollographql.com/docs/graphos/routing/operations/subscriptions/multipart-protocol),
// which Apollo Client chooses by default.
type multipartEvents struct {
	multipartIncrements
	checkpoints bool
}

func (multipartEvents) mediaType() string {
	return multipartMixed + `; boundary="` + boundary + `"; subscriptionSpec="1.0"`
}

// keepAlive returns a part without a payload.
func (e multipartEvents) keepAlive(checkpoint string) string {
	if checkpoint == "" || !e.checkpoints {
		return partHead + "{}" + partTail
	}
	return partHead + `{"extensions":{"checkpoint":"` + checkpoint + `"}}` + partTail
}

func (multipartEvents) part(string) (head, tail string) {
	return partHead + `{"payload":`, "}" + partTail
}
