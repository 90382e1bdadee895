package meta

import (
	"cmp"
	"strings"

	"holdfast/internal/provider/lenient"
	"holdfast/internal/webhook"
)

// A templateReader finds the type and the data of what a value says of a template.
type templateReader func(t webhook.Template, value lenient.Object) (webhook.Type, any, string)

// template makes a reader of what all fields about templates have in common: the id is a number at Meta and a text at
// resellers.
func template(read templateReader) reader {
	return func(c Change, value lenient.Object) (webhook.Event, string) {
		t := webhook.Template{
			ID:       value.Get("message_template_id").Text(),
			Name:     value.Get("message_template_name").Text(),
			Language: language(value.Get("message_template_language").Text()),
		}
		e := webhook.Event{Phone: webhook.Phone{Number: phoneNumber(c, value)}}
		switch {
		case t.ID != "" && !webhook.ValidID(t.ID):
			return e, badTemplate
		case t.ID == "" && t.Name == "":
			return e, incomplete
		}
		var reason string
		e.Type, e.Data, reason = read(t, value)
		return e, reason
	}
}

// language spells a locale in one way: Meta writes en_US here and en-US there.
func language(locale string) string { return strings.ReplaceAll(locale, "-", "_") }

// templateStatus reads message_template_status_update (Meta: its reference; Template pausing) and, under whichever of the two
// fields it comes, message_template_quality_update: the example in Meta's reference has the other's name.
func templateStatus(t webhook.Template, value lenient.Object) (webhook.Type, any, string) {
	event, score := value.Get("event").Text(), value.Get("new_quality_score").Text()
	status := TemplateStatusType(event)
	switch {
	case status != "":
	case score != "":
		return webhook.TemplateQualityChanged, &webhook.TemplateQuality{
			Template: t, Score: score, Previous: value.Get("previous_quality_score").Text(),
		}, ""
	case event == "":
		return "", nil, incomplete
	default:
		return "", nil, unknownEvent
	}
	other, rejection := value.Object("other_info"), value.Object("rejection_info")
	data := &webhook.TemplateStatus{
		Template:       t,
		Status:         event,
		Category:       value.Get("message_template_category").Text(),
		Reason:         value.Get("reason").Text(),
		Title:          other.Get("title").Text(),
		Description:    cmp.Or(other.Get("description").Text(), rejection.Get("reason").Text()),
		Recommendation: rejection.Get("recommendation").Text(),
		DisableDate:    value.Object("disable_info").Get("disable_date").Time(),
	}
	if data.Reason == "NONE" { // null for those that wait to be deleted
		data.Reason = ""
	}
	return status, data, ""
}

// TemplateStatusType is the type of an event of message_template_status_update, or "" if it is none that we know.
func TemplateStatusType(event string) webhook.Type {
	switch event {
	case "APPROVED":
		return webhook.TemplateApproved
	case "REJECTED":
		return webhook.TemplateRejected
	case "PENDING":
		return webhook.TemplatePending
	case "IN_APPEAL":
		return webhook.TemplateInAppeal
	case "FLAGGED":
		return webhook.TemplateFlagged
	case "PAUSED":
		return webhook.TemplatePaused
	case "DISABLED":
		return webhook.TemplateDisabled
	case "REINSTATED":
		return webhook.TemplateReinstated
	case "LOCKED":
		return webhook.TemplateLocked
	case "LIMIT_EXCEEDED":
		return webhook.TemplateLimitExceeded
	case "ARCHIVED":
		return webhook.TemplateArchived
	case "UNARCHIVED":
		return webhook.TemplateUnarchived
	case "PENDING_DELETION":
		return webhook.TemplateDeletionPending
	case "DELETED":
		return webhook.TemplateDeleted
	}
	return ""
}

// templateCategory reads template_category_update (Meta: its reference). new_category is the category that the template has
// now in either case: correct_category is the one that it will have, and previous_category says that the change is done.
// On the wire a change that is done also comes without the previous one.
func templateCategory(t webhook.Template, value lenient.Object) (webhook.Type, any, string) {
	data := &webhook.TemplateCategory{
		Template: t,
		Category: value.Get("new_category").Text(),
		Correct:  value.Get("correct_category").Text(),
		Previous: value.Get("previous_category").Text(),
		At:       value.Get("category_update_timestamp").Time(),
	}
	switch {
	case data.Correct != "" && data.Previous == "":
		return webhook.TemplateCategoryChanging, data, ""
	case data.Category != "":
		return webhook.TemplateCategoryChanged, data, ""
	}
	return "", nil, incomplete
}

// templateMismatch reads template_correct_category_detection (Meta: Direct Send, integrity and content guidelines).
func templateMismatch(t webhook.Template, value lenient.Object) (webhook.Type, any, string) {
	data := &webhook.TemplateCategory{Template: t, Category: value.Get("category").Text(), Correct: value.Get("correct_category").Text()}
	if data.Correct == "" {
		return "", nil, incomplete
	}
	return webhook.TemplateCategoryMismatch, data, ""
}

// templateComponents reads message_template_components_update (Meta: its reference), where the body is called element.
func templateComponents(t webhook.Template, value lenient.Object) (webhook.Type, any, string) {
	data := &webhook.TemplateComponents{
		Template: t,
		Title:    value.Get("message_template_title").Text(),
		Body:     value.Get("message_template_element").Text(),
		Footer:   value.Get("message_template_footer").Text(),
	}
	for _, element := range value.Get("message_template_buttons").OneOrMany() {
		button, reason := element.Object()
		if reason != "" {
			return "", nil, incomplete
		}
		data.Buttons = append(data.Buttons, webhook.TemplateButton{
			Type:  button.Get("message_template_button_type").Text(),
			Text:  button.Get("message_template_button_text").Text(),
			URL:   button.Get("message_template_button_url").Text(),
			Phone: button.Get("message_template_button_phone_number").Text(),
		})
	}
	return webhook.TemplateEdited, data, ""
}
