// Package teams tells people in a channel or chat of Microsoft Teams, by a workflow that is started by a webhook.
package teams

import (
	"context"
	"net/http"
	"strings"

	"holdfast/internal/notify/sender"
	"holdfast/internal/notify/service"
	"holdfast/internal/notify/wording"
	"holdfast/internal/signature"
	"holdfast/internal/webhook"
)

// Options are the settings of a destination of type teams. Teams takes four messages a second, and Power Automate as many as its
// licence says, so a rate of 1/s is recommended.
type Options struct {
	// URL of a workflow "Post to a channel when a webhook request is received" of the Workflows app, which Power Automate shows
	// once the workflow is saved. Required. It is never shown: its sig lets whoever knows it write to the channel.
	URL signature.Secret `yaml:"url"`
}

// Type is Microsoft Teams, as holdfast.yaml knows it. What it says of Options is a *[Options].
func Type() sender.Type { return sender.TypeOf("teams", Options{}, check, open) }

func check(o *Options) []sender.Problem {
	if text := service.WrongURL(string(o.URL)); text != "" {
		return []sender.Problem{{Setting: "url", Text: text}}
	}
	return nil
}

type channel struct{ hook *service.Hook }

func open(o *Options, c sender.Context) (*channel, error) {
	hook, err := service.New(string(o.URL), c.Agent, c.Concurrency)
	if err != nil {
		return nil, err
	}
	return &channel{hook}, nil
}

// Close gives up the connections that nobody uses.
func (c *channel) Close() { c.hook.Close() }

// Send makes one attempt. The workflow accepts the message before it posts it: what becomes of it then, only its owner sees.
func (c *channel) Send(ctx context.Context, m sender.Message) *webhook.Verdict {
	answer, failure := c.hook.Post(ctx, envelope(wording.Of(m)))
	if failure != nil {
		return failure
	}
	m.Answer(answer.Status)
	return verdict(answer)
}

// verdict is what a workflow means: errors of Power Automate have a code.
func verdict(a service.Answer) *webhook.Verdict {
	v := a.Verdict("DirectApiAuthorizationRequired", "DirectApiInvalidAuthorizationScheme", "AuthorizationFailed", "WorkflowNotFound", "WorkflowTriggerIsNotEnabled",
		"TriggerInputSchemaMismatch", "InvalidProtocolResponse", "WorkflowTriggerNotFound", "ActionConditionFailed")
	if v == nil {
		return nil
	}
	const renew = " Copy the url of its trigger anew."
	switch {
	case a.Says("DirectApiAuthorizationRequired", "DirectApiInvalidAuthorizationScheme"):
		v.Kind, v.Advice = webhook.Trouble, "The workflow does not let anyone start it: set its trigger so, which gives the url a sig."+renew
	case a.Status == http.StatusUnauthorized, a.Status == http.StatusForbidden:
		v.Advice = "The sig of the url is not accepted." + renew
	case a.Says("WorkflowTriggerIsNotEnabled"):
		v.Kind, v.Advice = webhook.Trouble, "The workflow is switched off: its owner can switch it on."
	case a.Status == http.StatusNotFound, a.Status == http.StatusGone:
		v.Advice = "The workflow was deleted, or moved: ask its owner." + renew
	case a.Status == http.StatusTooManyRequests:
		v.Advice = "Set rate to 1/s, or tell it of fewer events."
	}
	return v
}

// The structs of a message with an adaptive card, as far as we use them: Microsoft's schema of Adaptive Cards 1.4. Libraries have
// all of it, and senders that take other answers for success; this is less than they are to check.
type (
	posting struct {
		Type        string       `json:"type"` // message
		Attachments []attachment `json:"attachments"`
	}
	attachment struct {
		ContentType string `json:"contentType"`
		Content     card   `json:"content"`
	}
	card struct {
		Schema  string    `json:"$schema"`
		Type    string    `json:"type"` // AdaptiveCard
		Version string    `json:"version"`
		Speak   string    `json:"fallbackText"`
		Body    []element `json:"body"`
		Actions []action  `json:"actions,omitempty"`
		Teams   width     `json:"msteams"`
	}
	element struct {
		Type   string `json:"type"` // TextBlock, FactSet
		Text   string `json:"text,omitempty"`
		Weight string `json:"weight,omitempty"`
		Size   string `json:"size,omitempty"`
		Color  string `json:"color,omitempty"`
		Subtle bool   `json:"isSubtle,omitempty"`
		Wrap   bool   `json:"wrap,omitempty"`
		Facts  []fact `json:"facts,omitempty"`
	}
	fact struct {
		Title string `json:"title"`
		Value string `json:"value"`
	}
	action struct {
		Type  string `json:"type"` // Action.OpenUrl
		Title string `json:"title"`
		URL   string `json:"url"`
	}
	width struct {
		Width string `json:"width"` // Full
	}
)

// envelope lays a note out. All that is not a fixed word is escaped.
func envelope(n wording.Note) posting {
	c := card{
		Schema: "http://adaptivecards.io/schemas/adaptive-card.json", Type: "AdaptiveCard", Version: "1.4",
		Speak: n.Title, Teams: width{"Full"},
		Body: []element{
			{Type: "TextBlock", Text: escape(n.Title), Weight: "Bolder", Size: "Large", Color: color(n), Wrap: true},
			{Type: "TextBlock", Text: escape(n.What), Wrap: true},
		},
	}
	for _, mark := range n.Marks {
		c.Body = append(c.Body, element{Type: "TextBlock", Text: escape(mark), Weight: "Bolder", Wrap: true})
	}
	facts := element{Type: "FactSet"}
	for _, row := range n.Rows() {
		facts.Facts = append(facts.Facts, fact{escape(row.Name), escape(row.Value)})
	}
	c.Body = append(c.Body, facts, element{Type: "TextBlock", Text: "What to do", Weight: "Bolder", Wrap: true})
	for _, do := range n.Do {
		c.Body = append(c.Body, element{Type: "TextBlock", Text: "- " + escape(do), Wrap: true})
	}
	c.Body = append(c.Body, element{Type: "TextBlock", Text: escape(n.Footer()), Size: "Small", Subtle: true, Wrap: true})
	if n.Link != "" {
		c.Actions = []action{{Type: "Action.OpenUrl", Title: "Open the workflow", URL: n.Link}}
	}
	return posting{Type: "message", Attachments: []attachment{{ContentType: "application/vnd.microsoft.card.adaptive", Content: c}}}
}

// markdown is what makes links, emphasis and code of a card's text. Underscores within words make nothing, and names of
// templates are to be copied as they are. HTML is shown as it is.
var markdown = strings.NewReplacer(`\`, `\\`, "*", `\*`, "[", `\[`, "]", `\]`, "`", "\\`")

func escape(text string) string { return markdown.Replace(text) }

func color(n wording.Note) string {
	switch {
	case n.Severity == webhook.Critical:
		return "Attention"
	case n.Severity == webhook.Warning && !n.Well:
		return "Warning"
	}
	return "Default"
}
