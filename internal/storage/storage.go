// Package storage keeps what is too large for a workflow's history: the history refers to it, and the payload itself is
// an object in a directory or in an S3 bucket. It is a storage driver of the Temporal SDK, which hands it payloads as the
// codec has made them, and asks for them again whenever a history is read.
//
// Objects are kept by workflow (see key.go) and removed only when Temporal has forgotten that (see prune.go). What is in
// a history is the key, not the place: objects can be copied from a directory to a bucket, under the same names, and
// histories are read as before.
package storage

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
	"google.golang.org/protobuf/proto"

	"holdfast/internal/config"
	"holdfast/internal/webhook"
)

// driverName stands in histories: it is never changed. It is the same for all kinds of storage, so that an installation
// can move from one to another.
const driverName = "holdfast"

// timeout bounds one object's way to the storage or back. A workflow task, which waits for it, has 10 s.
const timeout = 8 * time.Second

// The members of a claim: they stand in histories as well.
const (
	claimKey  = "key"
	claimSize = "size" // of the object, in bytes
)

// ErrMissing marks the error of an object that is not there, though a history refers to it.
var ErrMissing = errors.New("stored payload is missing")

var errDamaged = errors.New("stored payload is damaged")

// A Driver keeps payloads as objects. It is safe for concurrent use, and several processes may use the same storage. A
// nil Driver keeps nothing: payloads that Temporal does not take are refused then.
type Driver struct {
	objects   objects
	threshold int
	metrics   *metrics
	now       func() time.Time
}

// objects is a place for them. Keys are those of [newKey]: they need no escaping.
type objects interface {
	kind() string  // of the place: dir, s3
	where() string // for an operator
	// put makes an object durable, and visible as a whole or not at all. One of the same key has the same content, so it may
	// be replaced.
	put(ctx context.Context, key string, data []byte) error
	// get returns an object. A larger one than it may be is errDamaged, none at all is ErrMissing.
	get(ctx context.Context, key string, most int64) ([]byte, error)
	// list names the objects below a folder, those of one workflow together, and always in the same order. It goes on after
	// the folder of the workflow to which the key after belongs, if that is not empty. Objects that come or go meanwhile
	// may be missing.
	list(ctx context.Context, folder, after string) iter.Seq2[string, error]
	// remove removes an object; one that is not there is no error.
	remove(ctx context.Context, key string) error
}

// Open makes the driver that is configured, and none if there is no storage. It does not look whether the storage can be
// reached: [Driver.Probe] does.
func Open(c config.Storage, r prometheus.Registerer) (*Driver, error) {
	var o objects
	switch {
	case c.Dir != "":
		o = newDirectory(c.Dir)
	case c.S3.Bucket != "":
		var err error
		if o, err = newBucket(c.S3); err != nil {
			return nil, err
		}
	default:
		return nil, nil
	}
	return &Driver{objects: o, threshold: int(c.Threshold), metrics: newMetrics(r), now: time.Now}, nil
}

// External is what a client, a worker, a replayer or a codec endpoint is told, so that it uses the driver.
func (d *Driver) External() converter.ExternalStorage {
	if d == nil {
		return converter.ExternalStorage{}
	}
	return converter.ExternalStorage{Drivers: []converter.StorageDriver{d}, PayloadSizeThreshold: d.threshold}
}

// Name is what histories call the driver.
func (*Driver) Name() string { return driverName }

// Type is the kind of storage.
func (d *Driver) Type() string { return d.objects.kind() }

// Store keeps payloads for the workflow that they belong to. Storing the same again on the same day changes nothing. The
// error wraps [webhook.ErrStorage], unless the context was cancelled.
func (d *Driver) Store(ctx converter.StorageDriverStoreContext, payloads []*commonpb.Payload) ([]converter.StorageDriverClaim, error) {
	limiter := ctx.GetLimiter()
	claims := make([]converter.StorageDriverClaim, len(payloads))
	for i, p := range payloads {
		data, err := proto.MarshalOptions{Deterministic: true}.Marshal(p)
		if err != nil {
			return nil, fmt.Errorf("marshal payload: %w", err)
		}
		key := newKey(ctx.Target, d.now(), data)
		err = limiter.Permit(ctx.Context, p, func() error {
			if id, long := longID(ctx.Target); long {
				if err := d.put(ctx.Context, key.idKey(), []byte(id)); err != nil {
					return err
				}
			}
			return d.put(ctx.Context, key.String(), data)
		})
		switch {
		case errors.Is(ctx.Context.Err(), context.Canceled): // who asked has gone, which is not the storage's fault
			return nil, context.Cause(ctx.Context)
		case err != nil:
			return nil, fmt.Errorf("%w: %w", webhook.ErrStorage, err)
		}
		claims[i].ClaimData = map[string]string{claimKey: key.String(), claimSize: strconv.Itoa(len(data))}
	}
	return claims, nil
}

// Retrieve returns stored payloads. An object that is missing or damaged is an error that says what to do: the workflow
// task fails and is tried again, so the workflow goes on once the object is back.
func (d *Driver) Retrieve(ctx converter.StorageDriverRetrieveContext, claims []converter.StorageDriverClaim) ([]*commonpb.Payload, error) {
	limiter := ctx.GetLimiter()
	payloads := make([]*commonpb.Payload, len(claims))
	for i, claim := range claims {
		err := limiter.Permit(ctx.Context, claim, func() (err error) {
			payloads[i], err = d.retrieve(ctx.Context, claim.ClaimData)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return payloads, nil
}

func (d *Driver) retrieve(ctx context.Context, claim map[string]string) (*commonpb.Payload, error) {
	// A claim says what whoever may write to the namespace says, so it is believed no further than its form.
	key, ok := parseKey(claim[claimKey])
	size, err := strconv.ParseInt(claim[claimSize], 10, 64)
	if !ok || err != nil || size < 0 {
		return nil, errors.New("the reference to a stored payload is not one of ours")
	}
	began := time.Now()
	data, err := d.get(ctx, key, size)
	d.metrics.observe(opRetrieve, len(data), began, err)
	if err != nil {
		return nil, err
	}
	p := new(commonpb.Payload)
	if err := proto.Unmarshal(data, p); err != nil {
		return nil, fmt.Errorf("unmarshal stored payload: %w", err)
	}
	return p, nil
}

func (d *Driver) get(ctx context.Context, key key, size int64) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	data, err := d.objects.get(ctx, key.String(), size)
	if err == nil && !key.names(data) {
		err = errDamaged
	}
	switch {
	case errors.Is(err, ErrMissing):
		return nil, fmt.Errorf("%w: there is no %s in %s. Every process needs the same storage; an object that is lost can be "+
			"put back from a backup. What needs it is tried again until then", ErrMissing, key, d.objects.where())
	case errors.Is(err, errDamaged):
		return nil, fmt.Errorf("%w: %s in %s does not hold what was stored. It can be put back from a backup; what needs it is "+
			"tried again until then", errDamaged, key, d.objects.where())
	case err != nil:
		return nil, fmt.Errorf("get %s from %s: %w", key, d.objects.where(), err)
	}
	return data, nil
}

func (d *Driver) put(ctx context.Context, key string, data []byte) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	began := time.Now()
	err := d.objects.put(ctx, key, data)
	d.metrics.observe(opStore, len(data), began, err)
	if err != nil {
		return fmt.Errorf("put %s into %s: %w", key, d.objects.where(), err)
	}
	return nil
}

// Probe reports whether objects can be stored, read and removed now. It is for the start of a process: a storage that is
// needed for one webhook in a thousand should not be found broken by that one.
func (d *Driver) Probe(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	data := []byte("probe " + d.now().UTC().Format(time.RFC3339Nano))
	key := newKey(nil, d.now(), data).String()
	if err := d.objects.put(ctx, key, data); err != nil {
		return fmt.Errorf("put an object into %s: %w", d.objects.where(), err)
	}
	got, err := d.objects.get(ctx, key, int64(len(data)))
	if err == nil && !bytes.Equal(got, data) {
		err = errDamaged
	}
	if err != nil {
		return fmt.Errorf("get an object from %s: %w", d.objects.where(), err)
	}
	if err := d.objects.remove(ctx, key); err != nil {
		return fmt.Errorf("remove an object from %s: %w", d.objects.where(), err)
	}
	return nil
}
