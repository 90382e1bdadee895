// Package slack tells people in a channel of Slack, by an incoming webhook.
package slack

import (
	"context"
	"net/http"
	"strings"

	"github.com/slack-go/slack"
	"github.com/slack-go/slack/slackutilsx"

	"holdfast/internal/notify/sender"
	"holdfast/internal/notify/service"
	"holdfast/internal/notify/wording"
	"holdfast/internal/signature"
	"holdfast/internal/webhook"
)

// Options are the settings of a destination of type slack. Slack takes one message a second from each webhook, so a rate of 1/s
// is recommended; and a channel that is told of every message is read by nobody.
type Options struct {
	// URL of an incoming webhook of a Slack app, https://hooks.slack.com/services/… Required. It is never shown: whoever knows
	// it can write to the channel. A server that understands Slack's messages may have it as well.
	URL signature.Secret `yaml:"url"`
}

// Type is Slack, as holdfast.yaml knows it. What it says of Options is a *[Options].
func Type() sender.Type { return sender.TypeOf("slack", Options{}, check, open) }

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

// Send makes one attempt. Slack does not know messages by an id, so what is told twice is seen twice.
func (c *channel) Send(ctx context.Context, m sender.Message) *webhook.Verdict {
	answer, failure := c.hook.Post(ctx, message(wording.Of(m)))
	if failure != nil {
		return failure
	}
	m.Answer(answer.Status)
	return verdict(answer)
}

// verdict is what Slack means: its page on incoming webhooks, and that on their errors.
func verdict(a service.Answer) *webhook.Verdict {
	v := a.Verdict(
		"invalid_payload", "invalid_blocks", "no_text", "too_many_attachments", "user_not_found",
		"action_prohibited", "posting_to_general_channel_denied", "invalid_token",
		"channel_not_found", "no_service", "no_team", "no_active_hooks", "team_disabled",
		"channel_is_archived", "rate_limited", "message_limit_exceeded",
	)
	if v == nil {
		return nil
	}
	const renew = " Make a new incoming webhook in the Slack app and set url to it."
	switch {
	case a.Status == http.StatusForbidden && a.Says("action_prohibited", "posting_to_general_channel_denied"):
		v.Advice = "Ask an administrator of the workspace to let the app post in this channel, or choose another channel."
	case a.Says("no_service", "no_active_hooks", "no_team", "team_disabled") && v.Kind == webhook.Trouble:
		v.Kind, v.Advice = webhook.Gone, "The webhook was removed or switched off."+renew
	case a.Status == http.StatusUnauthorized, a.Status == http.StatusForbidden:
		v.Advice = "Slack does not accept the url." + renew
	case a.Status == http.StatusNotFound:
		v.Advice = "The channel or the webhook is not there any more." + renew
	case a.Status == http.StatusGone:
		v.Advice = "The channel is archived: bring it back, or choose another." + renew
	case a.Says("user_not_found"): // whom a webhook of old writes to: it is so for every event
		v.Kind, v.Advice = webhook.Trouble, "The person whom the webhook writes to is not there any more."+renew
	case a.Status == http.StatusTooManyRequests:
		v.Advice = "Set rate to 1/s, or tell it of fewer events."
	}
	return v
}

// What Slack's blocks take.
const (
	maxFields = 10
	maxLink   = 3000
)

// message lays a note out. All that is not a fixed word is escaped: no name of a template pings anybody.
func message(n wording.Note) *slack.WebhookMessage {
	unfurl := false
	blocks := []slack.Block{
		slack.NewHeaderBlock(slack.NewTextBlockObject(slack.PlainTextType, sign(n)+" "+n.Title, false, false)),
		slack.NewSectionBlock(text(strings.Join(append([]string{escape(n.What)}, italic(n.Marks)...), "\n")), nil, nil),
	}
	var fields []*slack.TextBlockObject
	rows := n.Rows()
	for _, row := range rows[:min(len(rows), maxFields)] {
		fields = append(fields, text("*"+escape(row.Name)+"*\n"+escape(row.Value)))
	}
	var do strings.Builder
	do.WriteString("*What to do*")
	for _, line := range n.Do {
		do.WriteString("\n• " + escape(line))
	}
	blocks = append(blocks, slack.NewSectionBlock(nil, fields, nil), slack.NewSectionBlock(text(do.String()), nil, nil))
	if n.Link != "" && len(n.Link) <= maxLink {
		button := slack.NewButtonBlockElement("workflow", "", slack.NewTextBlockObject(slack.PlainTextType, "Open the workflow", false, false))
		button.URL = n.Link
		blocks = append(blocks, slack.NewActionBlock("", button))
	}
	blocks = append(blocks, slack.NewContextBlock("", text(escape(n.Footer()))))
	return &slack.WebhookMessage{
		Text:        escape(n.Title), // shown in notifications, and where blocks are not
		Blocks:      &slack.Blocks{BlockSet: blocks},
		UnfurlLinks: &unfurl,
		UnfurlMedia: &unfurl,
	}
}

// text is verbatim: Slack makes no links or mentions of what looks like them.
func text(escaped string) *slack.TextBlockObject {
	return slack.NewTextBlockObject(slack.MarkdownType, escaped, false, true)
}

// formatting is what Slack's mrkdwn may take for emphasis or code where it stands at the edge of a word: a character of no
// width keeps it from that.
var formatting = strings.NewReplacer("*", "\u200b*\u200b", "~", "\u200b~\u200b", "`", "\u200b`\u200b")

func escape(text string) string { return formatting.Replace(slackutilsx.EscapeMessage(text)) }

func italic(lines []string) []string {
	var out []string
	for _, line := range lines {
		out = append(out, "_"+escape(line)+"_")
	}
	return out
}

// sign shows the severity.
func sign(n wording.Note) string {
	switch {
	case n.Severity == webhook.Critical:
		return "🔴"
	case n.Severity == webhook.Warning && !n.Well:
		return "🟠"
	}
	return "🔵"
}
