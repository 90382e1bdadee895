package storage

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
	"google.golang.org/protobuf/proto"

	"holdfast/internal/webhook"
)

// TestExam asks every kind of storage the same.
func TestExam(t *testing.T) {
	for name, open := range map[string]func(*testing.T) objects{
		"dir": func(t *testing.T) objects { return newDirectory(t.TempDir()) },
		"s3":  func(t *testing.T) objects { return openBucket(t) },
	} {
		t.Run(name, func(t *testing.T) {
			for question, ask := range map[string]func(*testing.T, *exam){
				"store and retrieve": storeAndRetrieve, "again": storeAgain, "damaged": damaged, "missing": missing,
				"foreign claims": foreignClaims, "concurrent": concurrent, "prune": prune, "resume": resumePruning, "begun again": begunAgain,
				"long ids": longIDs, "whose nobody knows": nobodys, "gone asker": goneAsker, "probe": probe,
			} {
				t.Run(question, func(t *testing.T) { ask(t, newExam(open(t))) })
			}
		})
	}
}

// An exam is a driver with a clock that the test turns.
type exam struct {
	*Driver
	registry *prometheus.Registry

	mu  sync.Mutex
	now time.Time
}

func newExam(o objects) *exam {
	e := &exam{registry: prometheus.NewRegistry(), now: time.Date(2026, 11, 21, 23, 59, 0, 0, time.UTC)}
	e.Driver = &Driver{objects: o, threshold: 256 << 10, metrics: newMetrics(e.registry), now: func() time.Time {
		e.mu.Lock()
		defer e.mu.Unlock()
		return e.now
	}}
	return e
}

func (e *exam) pass(d time.Duration) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.now = e.now.Add(d)
}

const day = 24 * time.Hour

func (e *exam) store(t *testing.T, target converter.StorageDriverTargetInfo, payloads ...*commonpb.Payload) []converter.StorageDriverClaim {
	t.Helper()
	claims, err := e.Store(converter.StorageDriverStoreContext{Context: t.Context(), Target: target}, payloads)
	if err != nil {
		t.Fatal(err)
	}
	return claims
}

func (e *exam) retrieve(t *testing.T, claims ...converter.StorageDriverClaim) ([]*commonpb.Payload, error) {
	t.Helper()
	return e.Retrieve(converter.StorageDriverRetrieveContext{Context: t.Context()}, claims)
}

// keys lists what is kept for a namespace, without the hashes.
func (e *exam) keys(t *testing.T, folder string) []string {
	t.Helper()
	var out []string
	for key, err := range e.objects.list(t.Context(), folder, "") {
		if err != nil {
			t.Fatal(err)
		}
		if i := strings.LastIndexByte(key, '/') + len("/20061102-"); !strings.HasSuffix(key, idSuffix) {
			key = key[:i]
		}
		out = append(out, key)
	}
	return out
}

func payload(size int) *commonpb.Payload {
	data := make([]byte, size)
	_, _ = rand.Read(data) // never fails
	return &commonpb.Payload{Metadata: map[string][]byte{"encoding": []byte("binary/zstd"), "a": []byte("b")}, Data: data}
}

func of(workflow string) converter.StorageDriverTargetInfo {
	return converter.StorageDriverWorkflowInfo{Namespace: "default", WorkflowID: workflow}
}

func same(a, b *commonpb.Payload) bool { return proto.Equal(a, b) }

func storeAndRetrieve(t *testing.T, e *exam) {
	a, b := payload(4<<20), payload(0)
	claims := e.store(t, of("wh/meta-main/0a"), a, b)
	got, err := e.retrieve(t, claims[1], claims[0])
	if err != nil || len(got) != 2 || !same(got[0], b) || !same(got[1], a) {
		t.Fatalf("got %d payloads, %v", len(got), err)
	}
	if diff := cmp.Diff([]string{"default/wh_2fmeta-main_2f0a/20261121-", "default/wh_2fmeta-main_2f0a/20261121-"}, e.keys(t, "default")); diff != "" {
		t.Error(diff)
	}
}

// Storing again on the same day is nothing new, and mends what has been damaged since.
func storeAgain(t *testing.T, e *exam) {
	p := payload(1000)
	first := e.store(t, of("wh/1"), p)
	if err := e.objects.put(t.Context(), first[0].ClaimData[claimKey], []byte("damaged")); err != nil {
		t.Fatal(err)
	}
	second := e.store(t, of("wh/1"), p)
	if diff := cmp.Diff(first, second); diff != "" {
		t.Error(diff)
	}
	if got, err := e.retrieve(t, first...); err != nil || !same(got[0], p) {
		t.Errorf("got %v", err)
	}
	if keys := e.keys(t, "default"); len(keys) != 1 {
		t.Errorf("objects %q", keys)
	}
}

func damaged(t *testing.T, e *exam) {
	claims := e.store(t, of("wh/1"), payload(1000))
	whole, err := e.objects.get(t.Context(), claims[0].ClaimData[claimKey], 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	flipped := bytes.Clone(whole)
	flipped[500] ^= 1
	for name, content := range map[string][]byte{"flipped": flipped, "cut": whole[:500], "empty": nil, "longer": append(bytes.Clone(whole), 0)} {
		if err := e.objects.put(t.Context(), claims[0].ClaimData[claimKey], content); err != nil {
			t.Fatal(err)
		}
		if _, err := e.retrieve(t, claims...); !errors.Is(err, errDamaged) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func missing(t *testing.T, e *exam) {
	claims := e.store(t, of("wh/1"), payload(10))
	if err := e.objects.remove(t.Context(), claims[0].ClaimData[claimKey]); err != nil {
		t.Fatal(err)
	}
	if err := e.objects.remove(t.Context(), claims[0].ClaimData[claimKey]); err != nil {
		t.Errorf("removed twice: %v", err)
	}
	if _, err := e.retrieve(t, claims...); !errors.Is(err, ErrMissing) || !strings.Contains(err.Error(), e.objects.where()) {
		t.Errorf("got %v", err)
	}
	if keys := e.keys(t, "default"); len(keys) != 0 {
		t.Errorf("objects %q", keys)
	}
}

// Whoever may write to the namespace may write a claim.
func foreignClaims(t *testing.T, e *exam) {
	good := e.store(t, of("wh/1"), payload(1000))[0].ClaimData
	for _, change := range []map[string]string{
		{claimKey: "../../etc/passwd"},
		{claimKey: ""},
		{claimKey: "/" + good[claimKey]},
		{claimKey: "default/../" + good[claimKey]},
		{claimKey: "default/wh_2f1/20261121-id"},
		{claimSize: "-1"},
		{claimSize: "x"},
		{claimSize: "10"},
	} {
		claim := maps.Clone(good)
		maps.Copy(claim, change)
		if _, err := e.retrieve(t, converter.StorageDriverClaim{ClaimData: claim}); err == nil {
			t.Errorf("%v was taken", change)
		}
	}
	if _, err := e.retrieve(t, converter.StorageDriverClaim{}); err == nil {
		t.Error("none was taken")
	}
}

func concurrent(t *testing.T, e *exam) {
	shared := payload(10_000)
	var all sync.WaitGroup
	for i := range 16 {
		all.Go(func() {
			own := payload(10_000)
			id := "wh/" + strconv.Itoa(i%4)
			claims, err := e.Store(converter.StorageDriverStoreContext{Context: t.Context(), Target: of(id)}, []*commonpb.Payload{shared, own})
			if err != nil {
				t.Error(err)
				return
			}
			got, err := e.Retrieve(converter.StorageDriverRetrieveContext{Context: t.Context()}, claims)
			if err != nil || !same(got[0], shared) || !same(got[1], own) {
				t.Errorf("workflow %s: %v", id, err)
			}
		})
	}
	all.Wait()
	if keys := e.keys(t, "default"); len(keys) != 16+4 {
		t.Errorf("%d objects", len(keys))
	}
}

// asked is a Temporal that has forgotten some workflows.
type asked struct {
	gone []string
	fail string
	list []string
}

func (a *asked) ask(_ context.Context, workflow string) (bool, error) {
	a.list = append(a.list, workflow)
	if workflow == a.fail {
		return false, errors.New("away")
	}
	return slices.Contains(a.gone, workflow), nil
}

func prune(t *testing.T, e *exam) {
	kept := e.store(t, of("wh/open"), payload(10))
	e.store(t, of("wh/gone"), payload(10), payload(20))
	e.store(t, of("WH/gone"), payload(10)) // another workflow
	e.store(t, converter.StorageDriverWorkflowInfo{Namespace: "other", WorkflowID: "wh/gone"}, payload(10))
	temporal := &asked{gone: []string{"wh/gone"}}
	run := func() int {
		t.Helper()
		n, err := e.Prune(t.Context(), Pruning{Namespace: "default", Gone: temporal.ask, Unknown: 100 * day})
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	e.pass(day) // within 24 h of the end of their day
	if n := run(); n != 0 || len(temporal.list) != 0 {
		t.Errorf("young: pruned %d, asked %q", n, temporal.list)
	}
	e.pass(day)
	young := e.store(t, of("wh/gone-young"), payload(10))
	temporal.gone = append(temporal.gone, "wh/gone-young")
	if n := run(); n != 2 {
		t.Errorf("pruned %d", n)
	}
	slices.Sort(temporal.list)
	if diff := cmp.Diff([]string{"WH/gone", "wh/gone", "wh/open"}, temporal.list); diff != "" {
		t.Error(diff)
	}
	want := []string{"default/_57_48_2fgone/20261121-", "default/wh_2fgone-young/20261123-", "default/wh_2fopen/20261121-"}
	if diff := cmp.Diff(want, e.keys(t, "default")); diff != "" {
		t.Error(diff)
	}
	if keys := e.keys(t, "other"); len(keys) != 1 {
		t.Errorf("of another namespace: %q", keys)
	}
	if _, err := e.retrieve(t, kept[0], young[0]); err != nil {
		t.Error(err)
	}
}

// A pruning that was interrupted goes on where it was, and asks nobody twice.
func resumePruning(t *testing.T, e *exam) {
	ids := []string{"a", "a-b", "a/b", "ab", "b", "b-", "c"}
	for _, id := range ids {
		e.store(t, of(id), payload(10), payload(11))
	}
	e.pass(3 * day)
	temporal := &asked{gone: slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return id == "a-b" }), fail: "b"}
	var after string
	p := Pruning{Namespace: "default", Gone: temporal.ask, Progress: func(s string) { after = s }}
	first, err := e.Prune(t.Context(), p)
	if err == nil {
		t.Fatal("no error")
	}
	temporal.fail, p.After = "", after
	second, err := e.Prune(t.Context(), p)
	if err != nil || first == 0 || second == 0 || first+second != 2*len(temporal.gone) {
		t.Errorf("pruned %d and %d, %v", first, second, err)
	}
	if len(temporal.list) != len(ids)+1 { // that which failed, once more
		t.Errorf("asked for %q", temporal.list)
	}
	if keys := e.keys(t, "default"); len(keys) != 2 {
		t.Errorf("left: %q", keys)
	}
}

// What is stored for a workflow that begins again, while somebody prunes the old one, stays.
func begunAgain(t *testing.T, e *exam) {
	p := payload(1000)
	e.store(t, of("wh/1"), p)
	e.pass(15 * day)
	var again []converter.StorageDriverClaim
	n, err := e.Prune(t.Context(), Pruning{Namespace: "default", Gone: func(context.Context, string) (bool, error) {
		again = e.store(t, of("wh/1"), p) // a redelivery, between the answer and the removal
		return true, nil
	}})
	if n != 1 || err != nil {
		t.Fatalf("pruned %d, %v", n, err)
	}
	if got, err := e.retrieve(t, again...); err != nil || !same(got[0], p) {
		t.Errorf("the workflow that began again has lost its input: %v", err)
	}
}

// Temporal takes ids of 1000 bytes, which no file's name does.
func longIDs(t *testing.T, e *exam) {
	long := strings.Repeat("Ü/", 333)
	claims := e.store(t, of(long), payload(10))
	if _, err := e.retrieve(t, claims...); err != nil {
		t.Fatal(err)
	}
	if keys := e.keys(t, "default"); len(keys) != 2 { // and one for the id
		t.Errorf("objects %q", keys)
	}
	e.pass(3 * day)
	temporal := &asked{gone: []string{long}}
	n, err := e.Prune(t.Context(), Pruning{Namespace: "default", Gone: temporal.ask})
	if n != 2 || err != nil || !slices.Contains(temporal.list, long) {
		t.Errorf("pruned %d, %v", n, err)
	}
	if keys := e.keys(t, "default"); len(keys) != 0 {
		t.Errorf("left: %q", keys)
	}
}

func nobodys(t *testing.T, e *exam) {
	claims := append(e.store(t, nil, payload(10)), e.store(t, converter.StorageDriverActivityInfo{Namespace: "default", ActivityID: "x"}, payload(10))...)
	for i, want := range []int{0, 0, 2} {
		e.pass(20 * day)
		p := Pruning{Namespace: "default", Gone: func(context.Context, string) (bool, error) { return true, nil }, Unknown: 50 * day}
		if n, err := e.Prune(t.Context(), p); n != want || err != nil {
			t.Errorf("after %d days: pruned %d, %v", 20*(i+1), n, err)
		}
		if _, err := e.retrieve(t, claims...); (err == nil) != (want == 0) {
			t.Errorf("after %d days: %v", 20*(i+1), err)
		}
	}
}

// What fails because the asker has gone is not the storage's fault.
func goneAsker(t *testing.T, e *exam) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := e.Store(converter.StorageDriverStoreContext{Context: ctx, Target: of("wh/1")}, []*commonpb.Payload{payload(10)})
	if !errors.Is(err, context.Canceled) || errors.Is(err, webhook.ErrStorage) {
		t.Errorf("got %v", err)
	}
}

func probe(t *testing.T, e *exam) {
	if err := e.Probe(t.Context()); err != nil {
		t.Error(err)
	}
	if keys := e.keys(t, unknown); len(keys) != 0 {
		t.Errorf("left: %q", keys)
	}
}
