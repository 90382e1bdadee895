package activities

import (
	"context"
	"errors"
	"fmt"

	"go.temporal.io/sdk/activity"

	"holdfast/internal/webhook"
)

// VerifyInput is a group of webhooks.
type VerifyInput struct {
	Webhooks []webhook.Webhook `json:"webhooks"`
}

// VerifyResult says of each webhook, in order, why it does not verify; empty if it does.
type VerifyResult struct {
	Problems []string `json:"problems"`
}

// Verify checks again what the ingress accepted, with the configuration of this worker. A webhook that does not verify
// here was accepted all the same: it is parked for an operator, never dropped. Most often a secret was rotated while the
// webhook waited, or this worker's configuration is older than the ingress's.
func (a *Activities) Verify(ctx context.Context, in VerifyInput) (VerifyResult, error) {
	out := VerifyResult{Problems: make([]string, len(in.Webhooks))}
	for i, w := range in.Webhooks {
		out.Problems[i] = a.verify(ctx, w)
	}
	return out, nil
}

func (a *Activities) verify(ctx context.Context, w webhook.Webhook) (problem string) {
	defer func() {
		if r := recover(); r != nil { // it parks, and the others of the group go on
			activity.GetLogger(ctx).Error("Verifying panicked", "webhook", w.ID, "source", w.Source, "panic_type", fmt.Sprintf("%T", r))
			problem = "verifier failed"
		}
	}()
	dialect := a.Sources(w.Source)
	if dialect == nil {
		return "source is not configured"
	}
	if err := dialect.Verify(w.Evidence, w.Body, w.Received); err != nil {
		return refusal(err)
	}
	return ""
}

// refusal is the closed word for a refusal: an error of another kind may hold anything, so it is not repeated.
func refusal(err error) string {
	if r, ok := errors.AsType[webhook.Refusal](err); ok {
		return string(r)
	}
	return "not verified"
}
