package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/protobuf/encoding/protojson"

	"holdfast/workflows"
)

// process starts holdfast as a process of its own, with a configuration; it is killed when the test ends.
func (r *rig) process(command, yaml string) *exec.Cmd {
	r.t.Helper()
	path := filepath.Join(r.t.TempDir(), "holdfast.yaml")
	if err := os.WriteFile(path, []byte(yaml), 0o600); err != nil {
		r.t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		r.t.Fatal(err)
	}
	cmd := exec.Command(self, command, "--config", path, "--address", r.address, "--log-level", "warn")
	cmd.Env = append(os.Environ(), asProgram+"=1")
	cmd.Stderr = testWriter{r.t}
	if err := cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended
		_ = cmd.Wait()
	})
	return cmd
}

// record keeps the history of a workflow for the replay tests, if the tests are run with -update.
func (r *rig) record(body []byte, name string) {
	r.t.Helper()
	r.recordWorkflow(r.workflow(body), name)
}

// recordWorkflow is record for a workflow that is none of a webhook.
func (r *rig) recordWorkflow(id, name string) {
	r.t.Helper()
	r.recordRun(id, "", name)
}

// recordRun is record for a run that is not the latest.
func (r *rig) recordRun(id, run, name string) {
	r.t.Helper()
	if !*update {
		return
	}
	var history historypb.History
	events := r.temporal.GetWorkflowHistory(context.Background(), id, run, false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		e, err := events.Next()
		if err != nil {
			r.t.Fatal(err)
		}
		history.Events = append(history.Events, e)
	}
	text, err := protojson.MarshalOptions{Multiline: true, Indent: " "}.Marshal(&history)
	if err != nil {
		r.t.Fatal(err)
	}
	// Whose machine it was is of no interest.
	text = regexp.MustCompile(`"identity": *"[^"]*"`).ReplaceAll(text, []byte(`"identity": "recorded"`))
	path := filepath.Join("..", "..", "workflows", "testdata", "histories", name+".json")
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		r.t.Fatal(err)
	}
	if err := os.WriteFile(path, append(text, '\n'), 0o644); err != nil {
		r.t.Fatal(err)
	}
}

func updateRequest(workflow string, c workflows.Command) client.UpdateWorkflowOptions {
	return client.UpdateWorkflowOptions{
		WorkflowID: workflow, UpdateName: workflows.Reprocess, Args: []any{c}, WaitForStage: client.WorkflowUpdateStageCompleted,
	}
}

// batch is one webhook with n changes of as many accounts.
func batch(n int, at time.Time) []byte {
	entries := make([]string, n)
	for i := range entries {
		one := string(ban(fmt.Sprintf("9000%d", i), at))
		one = one[strings.Index(one, "[")+1:]
		entries[i] = one[:len(one)-len("]}")]
	}
	return []byte(`{"object":"whatsapp_business_account","entry":[` + strings.Join(entries, ",") + `]}`)
}

// startOptions are those of somebody who knows no more than a workflow's id and task queue.
func startOptions(id, taskQueue string) client.StartWorkflowOptions {
	return client.StartWorkflowOptions{ID: id, TaskQueue: taskQueue}
}
