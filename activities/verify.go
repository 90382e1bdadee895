package activities

import (
	"context"
	"errors"

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
func (a *Activities) Verify(_ context.Context, in VerifyInput) (VerifyResult, error) {
	out := VerifyResult{Problems: make([]string, len(in.Webhooks))}
	for i, w := range in.Webhooks {
		dialect := a.Sources(w.Source)
		if dialect == nil {
			out.Problems[i] = "source is not configured"
			continue
		}
		if err := dialect.Verify(w.Evidence, w.Body, w.Received); err != nil {
			out.Problems[i] = refusal(err)
		}
	}
	return out, nil
}

// refusal is the closed word for a refusal: an error of another kind may hold anything, so it is not repeated.
func refusal(err error) string {
	if r, ok := errors.AsType[webhook.Refusal](err); ok {
		return string(r)
	}
	return "not verified"
}
