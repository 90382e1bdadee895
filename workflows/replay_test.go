package workflows_test

import (
	"os"
	"path/filepath"
	"testing"

	"go.temporal.io/sdk/client"
	sdkworker "go.temporal.io/sdk/worker"

	"holdfast/internal/temporal"
	"holdfast/worker"
)

// Histories of real runs, recorded by the end-to-end tests with -update, must replay with the code as it is now. The
// replayer knows no source and no destination: what a history holds was decided when it was made, whatever the
// configuration has become.
func TestReplay(t *testing.T) {
	converter, err := temporal.Converter()
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("testdata/histories/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no histories are recorded: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			r, err := sdkworker.NewWorkflowReplayerWithOptions(sdkworker.WorkflowReplayerOptions{DataConverter: converter})
			if err != nil {
				t.Fatal(err)
			}
			worker.Register(r)
			f, err := os.Open(file)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			history, err := client.HistoryFromJSON(f, client.HistoryJSONOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if err := r.ReplayWorkflowHistory(nil, history); err != nil {
				t.Errorf("does not replay: %v", err)
			}
		})
	}
}
