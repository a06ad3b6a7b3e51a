package graph

import (
	"context"
	"errors"
	"io"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/noetl/noetl-catalog/db/catalog"
	"github.com/noetl/noetl-catalog/db/eventlog"
	"github.com/noetl/noetl-catalog/graph/apierror"
	"github.com/noetl/noetl-catalog/graph/loader"
	"github.com/noetl/noetl-catalog/graph/model"
	"github.com/noetl/noetl-catalog/graph/transport"
)

// resumeAfter is the cursor to resume after: the transport's, which is the
// newer, or the argument.
func resumeAfter(ctx context.Context, after *string) *string {
	if stream := transport.StreamOf(ctx); stream != nil && stream.After != "" {
		return &stream.After
	}
	return after
}

// feed is what a subscription's responses are made from: its resolver fills it,
// and each response takes the next event from it.
type feed struct {
	subscription *eventlog.Subscription
	// resolved takes a delivery to the resolvers, which find nothing else in it.
	resolved chan *model.EventDelivery
	plan     *deliveryPlan
	// resolversOnly is HandlerOptions.ResolversOnly.
	resolversOnly bool
}

type feedKey struct{}

// withFeed returns a context for an operation.
func withFeed(ctx context.Context, resolversOnly bool) context.Context {
	if graphql.GetOperationContext(ctx).Operation.Operation != ast.Subscription {
		return ctx
	}
	return context.WithValue(ctx, feedKey{}, &feed{resolversOnly: resolversOnly})
}

// deliver makes the responses of a subscription deliver what comes, until it or
// the context ends.
func (r *Resolver) deliver(ctx context.Context, subscription *eventlog.Subscription) <-chan *model.EventDelivery {
	context.AfterFunc(ctx, subscription.Close)
	transport.StreamOf(ctx).Checkpoints(subscription.Checkpoint)
	feed, _ := ctx.Value(feedKey{}).(*feed)
	feed.subscription, feed.resolved = subscription, make(chan *model.EventDelivery, 1)
	if !feed.resolversOnly {
		feed.plan = r.planDelivery(ctx)
	}
	return feed.resolved
}

// eachDelivery answers a subscription with its next event. What cannot be
// planned is left to the resolvers, with loaders of its own.
func (r *Resolver) eachDelivery(ctx context.Context, next graphql.ResponseHandler) *graphql.Response {
	feed, _ := ctx.Value(feedKey{}).(*feed)
	if feed == nil || feed.subscription == nil {
		return next(ctx)
	}
	stream := transport.StreamOf(ctx)
	delivery, err := feed.subscription.Next(ctx)
	if err != nil {
		feed.subscription.Close()
		if !errors.Is(err, io.EOF) && ctx.Err() == nil {
			stream.Fail(apierror.Presenter{Log: r.logger}.Present(ctx, err))
		}
		return nil
	}
	stream.Announce(delivery.Cursor, feed.subscription.Ready())
	if data := r.plannedDelivery(ctx, feed.plan, &delivery); data != nil {
		return &graphql.Response{Data: data}
	}
	feed.resolved <- r.delivery(&delivery)
	response := next(loader.WithLoaders(ctx, loader.New()))
	if response == nil {
		return nil
	}
	for _, failure := range response.Errors {
		switch apierror.Code(failure) {
		case apierror.Unavailable, apierror.Timeout, apierror.Internal:
			// The client resumes after the response before this one.
			stream.Fail(failure)
			return nil
		}
	}
	return response
}

func (r *Resolver) delivery(next *eventlog.Delivery) *model.EventDelivery {
	return &model.EventDelivery{
		Event: r.sharedEvent(next.Entry), Cursor: next.Cursor, PreviousCursor: next.Previous, Position: next.Position(), Live: next.Live,
	}
}

// sharedEvent is the event of an entry for all who deliver it.
func (r *Resolver) sharedEvent(entry *eventlog.Entry) *model.Event {
	if event, ok := r.shared.Get(entry); ok {
		return event
	}
	return r.shared.GetOrAdd(entry, model.NewSharedEvent(entry), entry.Size())
}

// loadersOf are the loaders of an event: those shared by all subscriptions, or
// the request's. Only what depends on nothing but the event may be read with
// them.
func loadersOf(ctx context.Context, e *model.Event) *loader.Loaders {
	if e.Shared != nil {
		return e.Shared
	}
	return loader.From(ctx)
}

// shareable makes a batch fit to be shared by subscriptions: it outlives the
// one that asked first, and waits for a database that is away, since an event
// that is delivered without its resource is an event missed.
func shareable[K comparable, V any](r *Resolver, e *model.Event, batch loader.Batch[K, V]) loader.Batch[K, V] {
	if e.Shared == nil {
		return batch
	}
	return func(ctx context.Context, keys []K) (values []V, err error) {
		err = r.log.Patiently(context.WithoutCancel(ctx), func(ctx context.Context) error {
			values, err = batch(ctx, keys)
			return err
		})
		r.shared.Grow(e.Entry, sizeOfRows(values))
		return values, err
	}
}

// sizeOfRows is about how many bytes rows that were read for an event hold.
func sizeOfRows[V any](values []V) (size int) {
	for _, value := range values {
		switch row := any(value).(type) {
		case *model.Version:
			if row != nil {
				size += row.Row.Size()
			}
		case *eventlog.EventType:
			if row != nil && row.Template != nil {
				size += len(*row.Template)
			}
		}
		size += 1 << 10 // the row itself, its loader and what else it has
	}
	return size
}

// sharedVersion is the version of an event that subscriptions deliver, without
// its large columns.
func (r *Resolver) sharedVersion(ctx context.Context, e *model.Event) (*model.Version, error) {
	key := eventVersion(e)
	if row, ok := r.versions.Get(key); ok {
		return model.NewVersions([]*catalog.Version{row})[0], nil
	}
	version, err := loader.Load(ctx, e.Shared, loader.Field{Name: "Event.version", Group: e.Siblings, Arguments: catalog.Columns{}},
		keysOf(e.Siblings, eventVersion), key, shareable(r, e, r.versionsByLabel(catalog.Columns{})))
	if err == nil && version != nil {
		r.keepVersion(version.Row)
	}
	return version, err
}

func (r *Resolver) keepVersion(row *catalog.Version) {
	row = row.WithoutColumns()
	r.versions.Add(catalog.LabelKey{Path: row.Path, Label: row.Label}, row, row.Size())
}
