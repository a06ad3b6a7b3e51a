// Package stream follows the event log: a sequencer gives committed events their
// positions, a log reads each event once and keeps the newest in a ring, and
// subscriptions deliver the events that pass their filters, in the log's order.
// docs/event-log.md describes how they work together.
package stream
