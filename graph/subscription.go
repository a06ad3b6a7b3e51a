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

// deliver sends what a subscription brings until it or the context ends, and
// then closes it and the channel.
func (r *Resolver) deliver(ctx context.Context, subscription *eventlog.Subscription) <-chan *model.EventDelivery {
	deliveries := make(chan *model.EventDelivery)
	stream := transport.StreamOf(ctx)
	go func() {
		defer close(deliveries)
		defer subscription.Close()
		for {
			next, err := subscription.Next(ctx)
			if err != nil {
				if !errors.Is(err, io.EOF) && ctx.Err() == nil {
					stream.Fail(apierror.Presenter{Log: r.logger}.Present(ctx, err))
				}
				return
			}
			stream.Announce(next.Cursor, subscription.Ready())
			select {
			case deliveries <- r.delivery(&next):
			case <-ctx.Done():
				return
			}
		}
	}()
	return deliveries
}

func (r *Resolver) delivery(next *eventlog.Delivery) *model.EventDelivery {
	event, ok := r.shared.Get(next.Entry)
	if !ok {
		event = model.NewSharedEvent(next.Entry)
		if other, found, _ := r.shared.PeekOrAdd(next.Entry, event); found {
			event = other
		}
	}
	return &model.EventDelivery{
		Event: event, Cursor: next.Cursor, PreviousCursor: next.Previous, Position: next.Position(), Live: next.Live,
	}
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
		return values, err
	}
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
		r.versions.Add(key, version.Row)
	}
	return version, err
}

// eachDelivery gives each response of a subscription loaders of its own, and
// ends the stream at one that could not be read: the client resumes after the
// response before it.
func eachDelivery(ctx context.Context, next graphql.ResponseHandler) *graphql.Response {
	operation := graphql.GetOperationContext(ctx).Operation
	if operation == nil || operation.Operation != ast.Subscription {
		return next(ctx)
	}
	response := next(loader.WithLoaders(ctx, loader.New()))
	if response == nil {
		return nil
	}
	for _, failure := range response.Errors {
		switch apierror.Code(failure) {
		case apierror.Unavailable, apierror.Timeout, apierror.Internal:
			if stream := transport.StreamOf(ctx); stream != nil {
				stream.Fail(failure)
				return nil
			}
		}
	}
	return response
}
