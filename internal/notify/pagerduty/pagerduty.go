// Package pagerduty tells who is on call, by PagerDuty's Events API v2: the beginning of a matter triggers an alert, its end
// resolves it.
package pagerduty

import (
	"cmp"
	"context"
	"net/http"
	"strings"
	"time"

	"holdfast/internal/notify/sender"
	"holdfast/internal/notify/service"
	"holdfast/internal/notify/wording"
	"holdfast/internal/signature"
	"holdfast/internal/webhook"
)

// DefaultURL is PagerDuty's, but for accounts of its service region in the EU.
const DefaultURL = "https://events.pagerduty.com/v2/enqueue"

// Options are the settings of a destination of type pagerduty.
//
// What begins and ends, such as a ban, is one alert for each account (or number, template, flow): its end resolves what its
// beginning triggered, if both are told. So tell it of both, such as events: [account.*, phone.*], and set ordered: true, or an
// end may overtake its beginning. An event that comes late triggers and resolves nothing of that kind: something later has
// settled the matter. One that is told after its turn resolves nothing: somebody has to look. Everything else is an alert of
// its own, which somebody resolves by hand; so is a restriction, if nothing but time ends it. Test events are alerts of their
// own as well, of severity info, whatever they tell of. PagerDuty takes two events a second or so: rate 2/s is recommended.
type Options struct {
	// RoutingKey is the integration key of an integration "Events API V2" of a service or an orchestration: 32 letters and
	// digits. Required.
	RoutingKey signature.Secret `yaml:"routing_key"`

	// URL is where events are posted. Default "https://events.pagerduty.com/v2/enqueue"; accounts in the EU have
	// "https://events.eu.pagerduty.com/v2/enqueue".
	URL string `yaml:"url"`
}

// Type is PagerDuty, as holdfast.yaml knows it. What it says of Options is a *[Options].
func Type() sender.Type { return sender.TypeOf("pagerduty", Options{URL: DefaultURL}, check, open) }

func check(o *Options) []sender.Problem {
	var list []sender.Problem
	switch {
	case o.RoutingKey == "":
		list = append(list, sender.Problem{Setting: "routing_key", Text: "is required: the integration key of an integration Events API V2"})
	case !isKey(string(o.RoutingKey)):
		list = append(list, sender.Problem{Setting: "routing_key", Text: "want 32 letters and digits"})
	}
	if text := service.WrongURL(cmp.Or(o.URL, DefaultURL)); text != "" {
		list = append(list, sender.Problem{Setting: "url", Text: text})
	}
	return list
}

func isKey(text string) bool {
	return len(text) == 32 && strings.Trim(strings.ToLower(text), "0123456789abcdefghijklmnopqrstuvwxyz") == ""
}

type pager struct {
	hook *service.Hook
	key  string
}

func open(o *Options, c sender.Context) (*pager, error) {
	hook, err := service.New(cmp.Or(o.URL, DefaultURL), c.Agent, c.Concurrency)
	if err != nil {
		return nil, err
	}
	return &pager{hook: hook, key: string(o.RoutingKey)}, nil
}

// Close gives up the connections that nobody uses.
func (p *pager) Close() { p.hook.Close() }

// Send makes one attempt: one request for each alert that the event triggers or resolves, and none for a late one that does
// neither. PagerDuty knows alerts by their keys, so what is told twice changes nothing.
func (p *pager) Send(ctx context.Context, m sender.Message) *webhook.Verdict {
	note := wording.Of(m)
	for _, s := range steps(m, note.Well) {
		answer, failure := p.hook.Post(ctx, p.request(m, note, s))
		if failure != nil {
			return failure
		}
		m.Answer(answer.Status)
		if v := verdict(answer); v != nil {
			return v
		}
	}
	return nil
}

// verdict is what PagerDuty means: its page on the Events API v2.
func verdict(a service.Answer) *webhook.Verdict {
	v := a.Verdict("routing_key", "invalid event", "not_found")
	if v == nil {
		return nil
	}
	switch {
	case a.Status == http.StatusBadRequest && a.Says("routing_key"), a.Status == http.StatusUnauthorized, a.Status == http.StatusForbidden:
		v.Kind = webhook.Trouble
		v.Advice = "PagerDuty does not accept routing_key: take that of an integration Events API V2; accounts in the EU need their own url."
	case a.Status == http.StatusNotFound:
		v.Advice = "Mend url: it ends with /v2/enqueue."
	case a.Status == http.StatusTooManyRequests:
		v.Advice = "Set rate to 2/s, or tell it of fewer events."
	}
	return v
}

// The request, as PagerDuty documents it. Its own library posts to one fixed URL with the client of the whole program, and was
// last released in 2024.
type (
	request struct {
		RoutingKey string   `json:"routing_key"`
		Action     string   `json:"event_action"` // trigger, resolve
		DedupKey   string   `json:"dedup_key"`
		Payload    *payload `json:"payload,omitempty"` // of a trigger
		Client     string   `json:"client,omitempty"`
		ClientURL  string   `json:"client_url,omitempty"`
		Links      []link   `json:"links,omitempty"`
	}
	payload struct {
		Summary   string            `json:"summary"`
		Source    string            `json:"source"`
		Severity  string            `json:"severity"` // critical, warning, info
		Timestamp string            `json:"timestamp,omitempty"`
		Component string            `json:"component,omitempty"`
		Group     string            `json:"group,omitempty"`
		Class     string            `json:"class"`
		Details   map[string]string `json:"custom_details"`
	}
	link struct {
		Href string `json:"href"`
		Text string `json:"text"`
	}
)

func (p *pager) request(m sender.Message, n wording.Note, s step) request {
	r := request{RoutingKey: p.key, Action: s.action, DedupKey: s.key}
	if s.action != trigger {
		return r
	}
	r.Client, r.ClientURL = "Holdfast", n.Link
	r.Payload = &payload{
		Summary:   n.Title,
		Source:    cmp.Or(m.Event.Account, n.Source, "holdfast"),
		Severity:  string(n.Severity),
		Component: cmp.Or(m.Event.Phone.Number, m.Event.Phone.ID),
		Group:     m.Account.Tenant,
		Class:     string(n.Type),
		Details:   details(n),
	}
	if !m.Event.Time.IsZero() {
		r.Payload.Timestamp = m.Event.Time.UTC().Format(time.RFC3339)
	}
	if m.Event.Test {
		r.Payload.Severity = string(webhook.Info)
	}
	if n.Link != "" {
		r.Links = []link{{n.Link, "Open the workflow"}}
	}
	return r
}

// details are the rows of a note; of several of one name, all.
func details(n wording.Note) map[string]string {
	out := map[string]string{"What": n.What, "What to do": strings.Join(n.Do, "\n"), "Event": n.Event}
	if len(n.Marks) > 0 {
		out["Note"] = strings.Join(n.Marks, "\n")
	}
	for _, row := range n.Rows() {
		if before, ok := out[row.Name]; ok {
			row.Value = before + "\n" + row.Value
		}
		out[row.Name] = row.Value
	}
	return out
}
