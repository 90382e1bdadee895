package workflows

import (
	"fmt"
	"strings"
	"time"
)

// A Filter chooses workflows of webhooks. The zero value chooses all that are open.
type Filter struct {
	Stages      []string // one of these
	Closed      bool     // those that have ended instead of those that have not
	Source      string
	Account     string
	Problem     string // its kind: verify, normalize, record, refused, unavailable
	Destination string // that is not told yet
	Since       time.Time
	Until       time.Time // both of the start of the workflow, which is when the webhook was accepted
	Query       string    // a list filter of Temporal's, in addition
}

// Problems lists the kinds of problems that ProblemKey tells.
func Problems() []string { return []string{"verify", "normalize", "record", "refused", "unavailable"} }

// Query is the filter as Temporal's list filter. It concerns those of the task queue only: others may share the namespace.
func (o *Operator) Query(f Filter) string {
	terms := []string{"WorkflowType = " + quoted("ProcessWebhooks"), "TaskQueue = " + quoted(o.taskQueue)}
	if f.Closed { // a run that was cut is a part of one that goes on
		terms = append(terms, "ExecutionStatus != 'Running'", "ExecutionStatus != 'ContinuedAsNew'")
	} else {
		terms = append(terms, "ExecutionStatus = 'Running'")
	}
	equal := func(name, value string) {
		if value != "" {
			terms = append(terms, name+" = "+quoted(value))
		}
	}
	switch len(f.Stages) {
	case 0:
	case 1:
		equal(StageKey.GetName(), f.Stages[0])
	default:
		all := make([]string, len(f.Stages))
		for i, s := range f.Stages {
			all[i] = quoted(s)
		}
		terms = append(terms, fmt.Sprintf("%s IN (%s)", StageKey.GetName(), strings.Join(all, ", ")))
	}
	equal(SourceKey.GetName(), f.Source)
	equal(ProblemKey.GetName(), f.Problem)
	equal(AccountsKey.GetName(), f.Account)
	equal(WaitingKey.GetName(), f.Destination)
	if !f.Since.IsZero() {
		terms = append(terms, "StartTime >= "+quoted(f.Since.UTC().Format(time.RFC3339Nano)))
	}
	if !f.Until.IsZero() {
		terms = append(terms, "StartTime < "+quoted(f.Until.UTC().Format(time.RFC3339Nano)))
	}
	if f.Query != "" {
		terms = append(terms, "("+f.Query+")")
	}
	return strings.Join(terms, " AND ")
}

func quoted(value string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(value) + "'"
}
