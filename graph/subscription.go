package graph

import (
	"context"
	"errors"
	"io"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/noetl/noetl-catalog/db/catalog"
	"github.com/noetl/noetl-catalog/db/eventlog"
	"github.com/noetl/noetl-catalog/db/eventlog/stream"
	"github.com/noetl/noetl-catalog/graph/apierror"
	"github.com/noetl/noetl-catalog/graph/auth"
	"github.com/noetl/noetl-catalog/graph/loader"
	"github.com/noetl/noetl-catalog/graph/model"
	"github.com/noetl/noetl-catalog/graph/plan"
	"github.com/noetl/noetl-catalog/graph/transport"
)

// resumeAfter returns the cursor to resume after: the transport's, which is newer,
// or the argument.
func resumeAfter(ctx context.Context, after *string) *string {
	if stream := transport.StreamOf(ctx); stream != nil && stream.After != "" {
		return &stream.After
	}
	return after
}

// feed connects a subscription's resolver, which sets it, to its responses, each of
// which takes the next event from it.
type feed struct {
	subscription *stream.Subscription
	// resolved passes a delivery to gqlgen's executor, if there is no plan.
	resolved chan *model.EventDelivery
	// answers is nil if the server has no plans.
	answers *plan.Answers
	// field is the operation's only field. below answers its selection; nil if it
	// cannot be planned.
	field graphql.CollectedField
	below *plan.Below
}

type feedKey struct{}

// withFeed adds a feed to the context of a subscription.
func withFeed(ctx context.Context, answers *plan.Answers) context.Context {
	if graphql.GetOperationContext(ctx).Operation.Operation != ast.Subscription {
		return ctx
	}
	return context.WithValue(ctx, feedKey{}, &feed{answers: answers})
}

// deliver connects a subscription to the responses of its operation, until either
// ends.
func (r *Resolver) deliver(ctx context.Context, subscription *stream.Subscription) <-chan *model.EventDelivery {
	context.AfterFunc(ctx, subscription.Close)
	to := transport.StreamOf(ctx)
	to.Checkpoint, subscription.Hold = subscription.Checkpoint, to.HoldPage
	feed, _ := ctx.Value(feedKey{}).(*feed)
	feed.subscription, feed.resolved = subscription, make(chan *model.EventDelivery, 1)
	if feed.answers != nil {
		feed.field = graphql.GetFieldContext(ctx).Field
		feed.below = feed.answers.Below(ctx, feed.answers.Subscription, &feed.field)
	}
	return feed.resolved
}

// eachDelivery is a gqlgen ResponseMiddleware. It answers a subscription with its
// next event.
func (r *Resolver) eachDelivery(ctx context.Context, next graphql.ResponseHandler) *graphql.Response {
	feed, _ := ctx.Value(feedKey{}).(*feed)
	if feed == nil || feed.subscription == nil {
		return next(ctx)
	}
	stream := transport.StreamOf(ctx)
	delivery, err := feed.subscription.Next(ctx)
	if err == nil {
		err = stream.Hold(ctx, delivery.Entry.Size())
	}
	if err != nil {
		feed.subscription.Close()
		if !errors.Is(err, io.EOF) && ctx.Err() == nil {
			stream.Failure = r.presenter.Present(ctx, err)
		}
		return nil
	}
	stream.Cursor, stream.More = delivery.Cursor, feed.subscription.Ready()
	response := feed.respond(ctx, r.delivery(&delivery), next)
	if response == nil {
		return nil
	}
	for _, failure := range response.Errors {
		switch apierror.Code(failure) {
		case apierror.Unavailable, apierror.Timeout, apierror.Internal:
			// The client resumes after its last response.
			stream.Failure = failure
			return nil
		}
	}
	return response
}

func (r *Resolver) delivery(next *stream.Delivery) *model.EventDelivery {
	return &model.EventDelivery{
		Event: r.sharedEvent(next.Entry), Cursor: next.Cursor, PreviousCursor: next.Previous, Position: next.Position(), Live: next.Live,
	}
}

// sharedEvent returns the model that all subscriptions share for an entry.
func (r *Resolver) sharedEvent(entry *stream.Entry) *model.Event {
	if event, ok := r.shared.Get(entry); ok {
		return event
	}
	return r.shared.GetOrAdd(entry, model.NewSharedEvent(entry), entry.Size())
}

// respond answers with a delivery.
func (f *feed) respond(ctx context.Context, delivery *model.EventDelivery, next graphql.ResponseHandler) *graphql.Response {
	if f.below == nil {
		f.resolved <- delivery
		return next(loader.WithLoaders(ctx, loader.New(maxList)))
	}
	data := append(append(append(make([]byte, 0, 512), `{"`...), f.field.Alias...), `":`...)
	ctx = graphql.WithFieldContext(ctx, &graphql.FieldContext{Field: f.field})
	data, ok := f.below.Resolve(ctx, func(context.Context) (any, error) { return delivery, nil }, data)
	if !ok {
		return &graphql.Response{Data: []byte("null"), Errors: graphql.GetErrors(ctx)}
	}
	return &graphql.Response{Data: append(data, '}'), Errors: graphql.GetErrors(ctx)}
}

// readsOf returns the reads for the fields of events. Those of a delivered event are
// shared by all its subscriptions, and must only read what the event determines.
func (r *Resolver) readsOf(ctx context.Context, events []*model.Event) *reads {
	if len(events) == 0 || events[0] == nil || events[0].Shared == nil {
		return r.reads(ctx)
	}
	return &reads{
		catalog: r.catalog, events: r.events, scopes: auth.Scopes(ctx),
		loaders: events[0].Shared, event: events[0], resolver: r,
	}
}

// shareable makes a batch that subscriptions share: it does not end with the
// subscription that asks first, and waits while the database is away, because an
// event that is delivered without its resource is an event missed.
func shareable[K comparable, V any](x *reads, batch loader.Batch[K, V]) loader.Batch[K, V] {
	return func(ctx context.Context, keys []K) (values []V, err error) {
		err = x.resolver.log.Patiently(context.WithoutCancel(ctx), func(ctx context.Context) error {
			values, err = batch(withReads(ctx, x), keys)
			return err
		})
		x.resolver.shared.Grow(x.event.Entry, sizeOfRows(values))
		return values, err
	}
}

// sizeOfRows estimates the bytes of rows that were read for an event.
func sizeOfRows[V any](values []V) (size int) {
	for _, value := range values {
		switch row := any(value).(type) {
		case *model.Version:
			if row != nil {
				size += row.Row.Size()
			}
		case string:
			size += len(row)
		case *eventlog.EventType:
			if row != nil && row.Template != nil {
				size += len(*row.Template)
			}
		}
		size += 1 << 10 // the row itself, its loader and what else it has
	}
	return size
}

// sharedVersion returns the version of a delivered event from the cache, without its
// large columns; nil if it is not cached.
func (r *Resolver) sharedVersion(events []*model.Event, columns catalog.Columns) *model.Version {
	if len(events) != 1 || events[0] == nil || events[0].Shared == nil || columns != (catalog.Columns{}) {
		return nil
	}
	key, _ := eventVersion(events[0])
	row, ok := r.versions.Get(key)
	if !ok {
		return nil
	}
	return model.NewVersions([]*catalog.Version{row})[0]
}

// keepVersion caches the version of a delivered event.
func (r *Resolver) keepVersion(events []*model.Event, versions []*model.Version) {
	if len(versions) == 1 && versions[0] != nil && events[0].Shared != nil {
		row := versions[0].Row.WithoutColumns()
		r.versions.Add(catalog.LabelKey{Path: row.Path, Label: row.Label}, row, row.Size())
	}
}
