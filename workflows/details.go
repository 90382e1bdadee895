package workflows

import (
	"fmt"
	"slices"
	"strings"

	"go.temporal.io/sdk/workflow"

	"holdfast/internal/webhook"
)

const maxRows = 20 // of each table in the details: a group may have a hundred webhooks

// details is what an operator reads in the Temporal UI: what happened, to which account, and what to do next. It holds no
// person's number, name or text.
func (p *process) details() string {
	var b strings.Builder
	fmt.Fprintf(&b, "**%s**", p.headline())
	if len(p.accounts) > 0 {
		fmt.Fprintf(&b, " · account %s", strings.Join(p.accounts, ", "))
	}
	b.WriteString("\n\n")
	p.tellWhy(&b)
	p.tellEvents(&b)
	p.tellDeliveries(&b)
	p.tellParked(&b)
	if p.last != nil {
		fmt.Fprintf(&b, "\nLast command: %s.\n", literally(p.last.String()))
	}
	return b.String()
}

func (p *process) headline() string {
	switch p.shown.stage {
	case StageProcessing:
		return "Being processed"
	case StageRetrying:
		return "Waiting for " + strings.Join(p.shown.waiting, ", ")
	case StageParked:
		return "Parked since " + moment(p.since) + ": an operator must decide"
	case StageTold:
		return "Everybody was told"
	case StageGivenUp:
		return "Ended by an operator; not everything was done"
	case StageOwed:
		return "Recorded, and owed to " + strings.Join(p.shown.waiting, ", ")
	}
	return "Recorded; nobody is to be told"
}

// tellWhy says what to do about each kind of problem that is parked.
func (p *process) tellWhy(b *strings.Builder) {
	var kinds []string
	note := func(problem string) {
		if kind, _, _ := strings.Cut(problem, ":"); problem != "" && !slices.Contains(kinds, kind) {
			kinds = append(kinds, kind)
			fmt.Fprintf(b, "**What to do** (%s): %s.\n\n", kind, Advice(kind))
		}
	}
	for _, e := range p.elements {
		note(e.problem)
	}
	for _, d := range p.deliveries {
		note(d.problem)
	}
}

// Advice says what to do about a problem, which begins with its kind.
func Advice(problem string) string {
	kind, _, _ := strings.Cut(problem, ":")
	switch kind {
	case "verify":
		return "was a secret changed? mend sources.*, then retry, or accept it as it is"
	case "normalize":
		return "a fault of ours: retry with a newer version"
	case "record":
		return "the database does not take it: retry with a newer version, or give it up"
	case "refused":
		return "the destination does not want it: mend that, then retry, or skip"
	case "unavailable":
		return "retry when the destination is back"
	}
	return "look at its details"
}

// Lists, not tables: the Temporal UI sets the columns of a table without any space between them.

func (p *process) tellEvents(b *strings.Builder) {
	if len(p.types) == 0 {
		return
	}
	for i, t := range workflow.DeterministicKeys(p.types) {
		if i == maxRows {
			fmt.Fprintf(b, "- … and %d more types\n", len(p.types)-maxRows)
			break
		}
		entry, _ := webhook.Lookup(t)
		fmt.Fprintf(b, "- %d × `%s`: %s\n", p.types[t], t, entry.Meaning)
	}
	status := p.status()
	var outcomes []string
	for _, o := range workflow.DeterministicKeys(status.Outcomes) {
		outcomes = append(outcomes, fmt.Sprintf("%d %s", status.Outcomes[o], o))
	}
	fmt.Fprintf(b, "\nRecorded: %s.\n", strings.Join(outcomes, ", "))
	if status.Unrouted > 0 {
		fmt.Fprintf(b, "\nUnrouted: %d, which no destination wants. `holdfast route --event` says why.\n", status.Unrouted)
	}
}

func (p *process) tellDeliveries(b *strings.Builder) {
	if len(p.deliveries) == 0 {
		return
	}
	b.WriteString("\nDestinations:\n\n")
	var rest []*delivery // those of which there is more to say than the stage come first
	rows := 0
	for _, d := range p.deliveries {
		if d.settled() && d.problem == "" {
			rest = append(rest, d)
			continue
		}
		if rows++; rows > maxRows {
			continue
		}
		fmt.Fprintf(b, "- `%s`: %s, events: %d", d.Destination, d.stage, len(d.Events))
		if d.problem != "" {
			fmt.Fprintf(b, " (%s)", d.problem)
		}
		b.WriteString("\n")
	}
	if rows > maxRows {
		fmt.Fprintf(b, "- … and %d more\n", rows-maxRows)
	}
	for _, stage := range []struct{ name, means string }{
		{deliveryOwed, ", left to their own workflows, `destination/…`, which tell them"}, {deliverySkipped, ""}, {deliveryTold, ""},
	} {
		var names []string
		for _, d := range rest {
			if d.stage == stage.name {
				name := "`" + d.Destination + "`"
				if n := len(d.Events); n > 1 {
					name += fmt.Sprintf(" (%d events)", n)
				}
				names = append(names, name)
			}
		}
		if more := len(names) - maxRows; more > 0 {
			names = append(names[:maxRows], fmt.Sprintf("and %d more", more))
		}
		if len(names) > 0 {
			fmt.Fprintf(b, "- %s%s: %s\n", stage.name, stage.means, strings.Join(names, ", "))
		}
	}
}

func (p *process) tellParked(b *strings.Builder) {
	if p.park == "" {
		return
	}
	rows, unverified := 0, false
	for _, e := range p.elements {
		if e.problem == "" {
			continue
		}
		unverified = unverified || !e.verified
		if rows++; rows == 1 {
			b.WriteString("\nParked webhooks:\n\n")
		}
		if rows <= maxRows {
			fmt.Fprintf(b, "- `%s` of source %s: %s\n", e.webhook.ID, e.webhook.Source, e.problem)
		}
	}
	if rows > maxRows {
		fmt.Fprintf(b, "- … and %d more\n", rows-maxRows)
	}
	fmt.Fprintf(b, "\nTo go on, mend the cause and send the signal (or the update) `%s` with one of:\n\n", Reprocess)
	fmt.Fprintf(b, "- `{\"park\": \"%s\"}` to try again\n", p.park)
	if unverified {
		b.WriteString("- `{\"action\": \"accept\"}` to go on with webhooks although they do not verify\n")
	}
	if slices.ContainsFunc(p.deliveries, func(d *delivery) bool { return d.problem != "" }) {
		b.WriteString("- `{\"action\": \"skip\", \"destination\": \"…\"}` to leave a destination untold\n")
	}
	if !p.parted {
		b.WriteString("- `{\"action\": \"restart\"}` to begin anew with all of its webhooks; what was told is not told again\n")
	}
	b.WriteString("- `{\"action\": \"give_up\"}` to let go all that is parked\n")
	b.WriteString("\nWith `\"reason\": \"…\", \"actor\": \"…\"` it is kept who did so and why.\n")
}
