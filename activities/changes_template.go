package activities

import (
	"time"

	"holdfast/internal/webhook"
)

// templateStatus records what became of a template last: the event, with the title and the reason that tell a second pause
// from the first. The name is in it for whoever reads it, who may not know the id. The category that comes with it is a
// fact of its own.
//
// The result of a review is news each time, also the same as before: somebody has asked for it again. So its value holds the
// event's id.
func templateStatus(e webhook.Event, s *webhook.TemplateStatus) []webhook.Change {
	entity := webhook.TemplateEntity(e.Account, s.Template)
	if entity == "" {
		return nil
	}
	type status struct {
		Status   string `json:"status"`
		Title    string `json:"title,omitempty"`
		Reason   string `json:"reason,omitempty"`
		Name     string `json:"name,omitempty"`
		Language string `json:"language,omitempty"`
		Event    string `json:"event,omitempty"`
	}
	now := status{s.Status, s.Title, s.Reason, s.Name, s.Language, ""}
	if e.Type == webhook.TemplateApproved || e.Type == webhook.TemplateRejected {
		now.Event = e.ID
	}
	out := []webhook.Change{fact(e, entity, "status", templateSafety(e.Type), now)}
	if s.Category != "" {
		out = append(out, categoryFact(e, entity, s.Category))
	}
	return out
}

// templateSafety ranks what is said of a template in the same second: what keeps it from being sent is believed, the more
// final the rather. A review that is said to begin and to be over in the same second is over.
func templateSafety(t webhook.Type) int {
	switch t {
	case webhook.TemplateDeleted:
		return 9
	case webhook.TemplateDeletionPending:
		return 8
	case webhook.TemplateDisabled:
		return 7
	case webhook.TemplateRejected:
		return 6
	case webhook.TemplatePaused:
		return 5
	case webhook.TemplateArchived, webhook.TemplateLimitExceeded:
		return 4
	case webhook.TemplateFlagged:
		return 3
	case webhook.TemplateLocked:
		return 2
	case webhook.TemplatePending, webhook.TemplateInAppeal:
		return 0
	}
	return 1 // approved, reinstated, unarchived
}

func templateQuality(e webhook.Event, q *webhook.TemplateQuality) []webhook.Change {
	entity := webhook.TemplateEntity(e.Account, q.Template)
	if entity == "" {
		return nil
	}
	safety := 1 // UNKNOWN, and what is not known yet
	switch q.Score {
	case "GREEN":
		safety = 0
	case "YELLOW":
		safety = 2
	case "RED":
		safety = 3
	}
	return []webhook.Change{fact(e, entity, "quality", safety, q.Score)}
}

// templateCategory records the category that a template has and, apart from it, the one that it will have: both are said
// before the change, and it is over when it is done. A mismatch is of a message, and each is news.
func templateCategory(e webhook.Event, c *webhook.TemplateCategory) []webhook.Change {
	entity := webhook.TemplateEntity(e.Account, c.Template)
	if entity == "" {
		return nil
	}
	type change struct {
		Status   string    `json:"status"` // announced, done
		Category string    `json:"category,omitempty"`
		At       time.Time `json:"at,omitzero"`
	}
	var out []webhook.Change
	switch e.Type {
	case webhook.TemplateCategoryChanging:
		out = append(out, fact(e, entity, "category_change", 1, change{"announced", c.Correct, c.At}))
	case webhook.TemplateCategoryChanged:
		// Its category may be known already, from what was said of the template's status; that it was changed is news.
		out = append(out, fact(e, entity, "category_change", 0, change{Status: "done", Category: c.Category}))
	default:
		return nil
	}
	if c.Category != "" {
		out = append(out, categoryFact(e, entity, c.Category))
	}
	return out
}

// categoryFact records a category. Of two in the same second, marketing is the safer to believe: it costs the most, and
// people may have stopped it.
func categoryFact(e webhook.Event, entity, category string) webhook.Change {
	safety := 0
	if category == "MARKETING" {
		safety = 1
	}
	return fact(e, entity, "category", safety, category)
}
