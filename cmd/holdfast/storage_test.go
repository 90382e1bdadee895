package main

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	sdkworker "go.temporal.io/sdk/worker"
	"google.golang.org/protobuf/encoding/protojson"

	"holdfast/internal/config"
	"holdfast/internal/temporal"
	"holdfast/worker"
	"holdfast/workflows"
)

// noise is a webhook that nothing makes smaller: a ban, and beside it an element of so many bytes that nobody
// understands.
func noise(size int) []byte {
	random := make([]byte, size)
	_, _ = rand.Read(random) // never fails
	one := string(ban(account, time.Now()))
	return []byte(strings.TrimSuffix(one, "]}") + fmt.Sprintf(`,{"id":"1","changes":[{"field":"new","value":%q}]}]}`, base64.StdEncoding.EncodeToString(random)))
}

const (
	// largest makes a webhook as large as one may be unless configured otherwise, but for a little.
	largest = (4<<20 - 1000) / 4 * 3
	// large makes one that is stored, and costs less time.
	large = 600_000
)

// stored adds a storage to a configuration.
func stored(cfg *config.Config, dir string) *config.Config {
	cfg.Storage.Dir = dir
	return cfg
}

func (r *rig) history(body []byte) *historypb.History {
	r.t.Helper()
	var history historypb.History
	events := r.temporal.GetWorkflowHistory(r.t.Context(), r.workflow(body), "", false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		e, err := events.Next()
		if err != nil {
			r.t.Fatal(err)
		}
		history.Events = append(history.Events, e)
	}
	return &history
}

// A webhook of 4 MiB that does not compress is told in full, its history stays small, replays, and is shown by the UI's
// codec endpoint.
func TestLargeWebhook(t *testing.T) {
	r := newRig(t)
	crm := newListener(t)
	var sizes []int64
	crm.answers(func(w http.ResponseWriter, req *http.Request) {
		crm.mu.Lock()
		defer crm.mu.Unlock()
		sizes = append(sizes, req.ContentLength)
		w.WriteHeader(http.StatusNoContent)
	})
	cfg := stored(r.config(map[string]*listener{"crm": crm}), t.TempDir())
	cfg.Codec.Listen = "127.0.0.1:0"
	h := r.start(cfg, both)
	body := noise(largest)
	eventually(t, "it is accepted", func() bool { return r.post(h, body) == http.StatusOK }) // a busy machine takes its time
	eventually(t, "the workflow ends", func() bool { return r.closed(body) })
	if stage := r.stage(body); stage != workflows.StageTold || len(sizes) != 2 || max(sizes[0], sizes[1]) < largest {
		t.Errorf("stage %q, told %d bytes", stage, sizes)
	}
	eventually(t, "a redelivery is accepted", func() bool { return r.post(h, body) == http.StatusOK })
	d, err := r.temporal.DescribeWorkflowExecution(t.Context(), r.workflow(body), "")
	if err != nil {
		t.Fatal(err)
	}
	if size := d.GetWorkflowExecutionInfo().GetHistorySizeBytes(); size > 20_000 {
		t.Errorf("the history has %d bytes", size)
	}

	history := r.history(body)
	input := history.Events[0].GetWorkflowExecutionStartedEventAttributes().GetInput()
	question, err := protojson.Marshal(input)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.Post(h.codec+"/download", "application/json", bytes.NewReader(question))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var shown struct{ Payloads []struct{ Data []byte } }
	if err := json.NewDecoder(answer.Body).Decode(&shown); err != nil || len(shown.Payloads) != 1 {
		t.Fatalf("status %d, %v", answer.StatusCode, err)
	}
	var group workflows.Group
	if err := json.Unmarshal(shown.Payloads[0].Data, &group); err != nil || !bytes.Equal(group.Webhooks[0].Body, body) {
		t.Errorf("the codec endpoint shows another body, %v", err)
	}

	replayer, err := sdkworker.NewWorkflowReplayerWithOptions(sdkworker.WorkflowReplayerOptions{
		DataConverter: h.converter, ExternalStorage: h.storage.External(),
	})
	if err != nil {
		t.Fatal(err)
	}
	worker.Register(replayer)
	if err := replayer.ReplayWorkflowHistory(nil, history); err != nil {
		t.Errorf("does not replay: %v", err)
	}
	for _, operation := range []string{"store", "retrieve"} {
		if text := h.scrape(t); !strings.Contains(text, `holdfast_storage_objects_total{operation="`+operation+`"}`) {
			t.Errorf("not counted: %s", operation)
		}
	}
}

// A worker that is killed in the middle of a large webhook leaves it to the next one.
func TestLargeWebhookSurvivesKill(t *testing.T) {
	r := newRig(t)
	crm := newListener(t)
	reached := make(chan struct{}, 8)
	crm.answers(func(_ http.ResponseWriter, req *http.Request) {
		_, _ = io.Copy(io.Discard, req.Body) // only so does the server notice who has gone
		reached <- struct{}{}
		<-req.Context().Done()
	})
	destinations := map[string]*listener{"crm": crm}
	dir := t.TempDir()
	yaml := r.yaml(destinations) + fmt.Sprintf("storage: {dir: %q}\n", dir)
	door := r.start(stored(r.config(destinations), dir), roles{ingress: true})
	first := r.process("worker", yaml)
	body := noise(large)
	if code := r.post(door, body); code != http.StatusOK {
		t.Fatalf("status %d", code)
	}
	door.stop()
	select {
	case <-reached:
	case <-time.After(time.Minute):
		t.Fatal("the worker did not try to tell")
	}
	if err := first.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = first.Wait() // killed
	crm.answers(nil)
	r.process("worker", yaml)
	eventually(t, "the workflow ends", func() bool { return r.closed(body) })
	if events := crm.told(); len(events) != 2 || events[0].ID == events[1].ID {
		t.Errorf("told %+v", events)
	}
}

// A worker without the storage, or with another, cannot go on with a large webhook, and says so; nothing is lost.
func TestWorkerWithoutStorage(t *testing.T) {
	r := newRig(t)
	crm := newListener(t)
	destinations := map[string]*listener{"crm": crm}
	dir := t.TempDir()
	door := r.start(stored(r.config(destinations), dir), roles{ingress: true})
	bodies := [][]byte{noise(large), noise(large)}
	for i, without := range []string{"", t.TempDir()} {
		body, small := bodies[i], ban(fmt.Sprint(i), time.Now())
		for _, b := range [][]byte{body, small} {
			if code := r.post(door, b); code != http.StatusOK {
				t.Fatalf("status %d", code)
			}
		}
		wrong := r.start(stored(r.config(destinations), without), roles{worker: true})
		eventually(t, "the workflow task fails", func() bool {
			for _, e := range r.history(body).Events {
				if why := e.GetWorkflowTaskFailedEventAttributes().GetFailure().GetMessage(); strings.Contains(why, "stor") {
					return true
				}
			}
			return false
		})
		eventually(t, "others are not harmed", func() bool { return r.closed(small) })
		if r.closed(body) {
			t.Error("the workflow is closed")
		}
		wrong.stop()
	}
	r.start(stored(r.config(destinations), dir), roles{worker: true})
	for _, body := range bodies {
		eventually(t, "the workflow ends", func() bool { return r.closed(body) })
	}
	if n := len(crm.told()); n != 2+1+2 { // the second ban is no news
		t.Errorf("told %d events", n)
	}
}

// While the storage takes nothing, who needs it waits on disk, and nobody else does.
func TestStorageAway(t *testing.T) {
	r := newRig(t)
	dir := filepath.Join(t.TempDir(), "volume")
	if err := os.WriteFile(dir, nil, 0o600); err != nil { // where a directory should be
		t.Fatal(err)
	}
	h := r.start(stored(r.config(nil), dir), both)
	eventually(t, "it is said", func() bool { return strings.Contains(h.said.String(), dir) })
	body, small := noise(large), ban(account, time.Now())
	for _, b := range [][]byte{body, small} {
		if code := r.post(h, b); code != http.StatusOK {
			t.Errorf("status %d", code)
		}
	}
	eventually(t, "the small one is told", func() bool { return r.closed(small) })
	if r.closed(body) || h.spool.Bulk.Stats().Entries+h.spool.Urgent.Stats().Entries != 1 {
		t.Error("the large one is not in the spool")
	}
	if err := os.Remove(dir); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the workflow ends", func() bool { return r.closed(body) })
}

// What is stored is removed once Temporal has forgotten its workflow, and not before.
func TestStoragePruned(t *testing.T) {
	r := newRig(t)
	dir := t.TempDir()
	h := r.start(stored(r.config(nil), dir), both)
	gone, kept := noise(large), noise(large)
	for _, body := range [][]byte{gone, kept} {
		r.post(h, body)
		eventually(t, "the workflow ends", func() bool { return r.closed(body) })
	}
	folders := func() (out []string) {
		entries, err := os.ReadDir(filepath.Join(dir, "default"))
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			out = append(out, e.Name())
		}
		return out
	}
	if n := len(folders()); n != 2 {
		t.Fatalf("%d folders", n)
	}
	if n, err := h.pruner().Prune(t.Context(), "", func(string) {}); n != 0 || err != nil {
		t.Errorf("fresh: pruned %d, %v", n, err)
	}
	age(t, dir)
	if n, err := h.pruner().Prune(t.Context(), "", func(string) {}); n != 0 || err != nil {
		t.Errorf("known: pruned %d, %v", n, err)
	}
	_, err := r.temporal.WorkflowService().DeleteWorkflowExecution(t.Context(), &workflowservice.DeleteWorkflowExecutionRequest{
		Namespace: h.namespace, WorkflowExecution: &commonpb.WorkflowExecution{WorkflowId: r.workflow(gone)},
	})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "Temporal forgets it", func() bool {
		forgotten, err := temporal.Gone(t.Context(), r.temporal, r.workflow(gone))
		return err == nil && forgotten
	})
	if n, err := h.pruner().Prune(t.Context(), "", func(string) {}); n != 2 || err != nil {
		t.Errorf("forgotten: pruned %d, %v", n, err)
	}
	if left := folders(); len(left) != 1 {
		t.Errorf("left: %q", left)
	}
	if forgotten, err := temporal.Gone(t.Context(), r.temporal, r.workflow(kept)); forgotten || err != nil {
		t.Errorf("the other: gone %v, %v", forgotten, err)
	}
	// A namespace that is not there has forgotten nothing: whoever is asked in the wrong place must not say gone.
	elsewhere, err := client.NewClientFromExisting(r.temporal, client.Options{HostPort: r.address, Namespace: "nowhere", Logger: silent{}})
	if err != nil {
		t.Fatal(err)
	}
	defer elsewhere.Close()
	if forgotten, err := temporal.Gone(t.Context(), elsewhere, r.workflow(gone)); forgotten || err == nil {
		t.Errorf("in a namespace that is not there: gone %v, %v", forgotten, err)
	}
}

// age makes everything in a directory a storage of last year.
func age(t *testing.T, dir string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "default", "*", "2*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no objects: %v", err)
	}
	for _, f := range files {
		folder, name := filepath.Split(f)
		if err := os.Rename(f, filepath.Join(folder, "2025"+name[4:])); err != nil {
			t.Fatal(err)
		}
	}
}
