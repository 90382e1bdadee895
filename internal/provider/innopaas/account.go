package innopaas

import (
	"cmp"
	"strings"

	"holdfast/internal/provider/lenient"
	"holdfast/internal/provider/meta"
	"holdfast/internal/webhook"
)

// about makes the event of an account, or of what belongs to one.
func (n notice) about(t webhook.Type, phone webhook.Phone, data any) ([]webhook.Event, string) {
	e := n.event
	e.Type, e.Phone, e.Data, e.Key = t, phone, data, n.key()
	switch {
	case t == "":
		return nil, unknownEvent
	case e.Account == "":
		return nil, noAccount
	case t.Family() == "phone" && phone == webhook.Phone{}:
		return nil, noPhone
	}
	return []webhook.Event{e}, ""
}

// template reads what names the template of a notice.
func (n notice) template() (t webhook.Template, reason string) {
	t = webhook.Template{
		ID: n.body.Get("templateId").Text(), Name: n.body.Get("templateName").Text(),
		Language: strings.ReplaceAll(n.body.Get("templateLanguage").Text(), "-", "_"),
	}
	switch {
	case t.ID != "" && !webhook.ValidID(t.ID):
		return t, badTemplate
	case t.ID == "" && t.Name == "":
		return t, incomplete
	}
	return t, ""
}

// readTemplateStatus reads what became of a template (InnoPaaS: Template status).
func readTemplateStatus(n notice) ([]webhook.Event, string) {
	template, reason := n.template()
	if reason != "" {
		return nil, reason
	}
	status := strings.ToUpper(n.body.Get("templateStatus").Text())
	return n.about(meta.TemplateStatusType(status), webhook.Phone{}, &webhook.TemplateStatus{
		Template: template, Status: status, Category: n.body.Get("category").Text(), Reason: unlessNone(n.body.Get("reason")),
	})
}

// readTemplateQuality reads how people like a template (InnoPaaS: Template status, Template quality update).
func readTemplateQuality(n notice) ([]webhook.Event, string) {
	template, reason := n.template()
	data := &webhook.TemplateQuality{Template: template, Score: n.body.Get("newQualityScore").Text(), Previous: n.body.Get("previousQualityScore").Text()}
	if data.Score == "" {
		reason = cmp.Or(reason, incomplete)
	}
	if reason != "" {
		return nil, reason
	}
	return n.about(webhook.TemplateQualityChanged, webhook.Phone{}, data)
}

// readTemplateCategory reads another category of a template. InnoPaaS's page names the event; its members are taken to be
// Meta's in camel case, as those of its other events are.
func readTemplateCategory(n notice) ([]webhook.Event, string) {
	template, reason := n.template()
	data := &webhook.TemplateCategory{
		Template: template, Category: n.body.Get("newCategory").Text(), Correct: n.body.Get("correctCategory").Text(), Previous: n.body.Get("previousCategory").Text(),
	}
	data.At, _ = n.clock.read(n.body.Get("categoryUpdateTimestamp"))
	switch {
	case reason != "":
		return nil, reason
	case data.Correct != "" && data.Previous == "":
		return n.about(webhook.TemplateCategoryChanging, webhook.Phone{}, data)
	case data.Category != "":
		return n.about(webhook.TemplateCategoryChanged, webhook.Phone{}, data)
	}
	return nil, incomplete
}

// readReview reads the review of an account. No page says what is in it: a decision is one if it is a word of Meta's.
func readReview(n notice) ([]webhook.Event, string) {
	decision := decided(n.body)
	if decision == "" {
		return nil, unknownEvent
	}
	return n.about(webhook.AccountReviewed, webhook.Phone{}, &webhook.Review{Decision: decision})
}

// readName reads the review of a number's display name, of which no page says what is in it either.
func readName(n notice) ([]webhook.Event, string) {
	data := &webhook.Name{
		Decision:  decided(n.body),
		Requested: n.body.Get("requestedVerifiedName").Text(),
		Reason:    cmp.Or(unlessNone(n.body.Get("rejectionReason")), unlessNone(n.body.Get("reason"))),
	}
	if data.Decision == "" {
		return nil, unknownEvent
	}
	return n.about(webhook.PhoneNameReviewed, ours(n.body, "displayPhoneNumber", "phoneNumber"), data)
}

// decided finds a decision, or nothing.
func decided(body lenient.Object) string {
	for _, name := range []string{"decision", "status"} {
		switch word := strings.ToUpper(body.Get(name).Text()); word {
		case "APPROVED", "REJECTED", "PENDING", "DEFERRED":
			return word
		}
	}
	return ""
}

// readQuality reads a number's quality and limit (InnoPaaS: Number quality status).
func readQuality(n notice) ([]webhook.Event, string) {
	data := &webhook.Quality{Event: n.body.Get("event").Text(), Limit: tier(n.body.Get("messageLimit").Text())}
	return n.about(meta.QualityType(data.Event), ours(n.body, "displayPhoneNumber"), data)
}

// tier is a limit in the words of Meta, which InnoPaaS translates: a number has one limit, whoever speaks of it.
func tier(limit string) string {
	switch strings.ToUpper(limit) {
	case "UNLIMITED":
		return "TIER_UNLIMITED"
	case "0": // nothing was sent yet
		return "TIER_NOT_SET"
	case "50", "250":
		return "TIER_" + limit
	case "1000", "2000", "10000", "100000":
		return "TIER_" + strings.TrimSuffix(limit, "000") + "K"
	}
	return limit
}
