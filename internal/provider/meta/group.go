package meta

import (
	"cmp"
	"slices"

	"holdfast/internal/provider/lenient"
	"holdfast/internal/webhook"
)

// readGroup reads an element of groups (Meta: Webhooks for Groups API). What was done only in part is two events: what was
// done, and what was not.
func readGroup(t *traffic, e webhook.Event, item lenient.Object, element lenient.Value) string {
	done := &webhook.Group{
		ID:          item.Get("group_id").Text(),
		Type:        item.Get("type").Text(),
		Request:     item.Get("request_id").Text(),
		Subject:     cmp.Or(item.Get("subject").Text(), setting(item, "group_subject", true)),
		Description: cmp.Or(item.Get("description").Text(), setting(item, "group_description", true)),
		By:          cmp.Or(item.Get("initiated_by").Text(), t.beside("initiated_by").Text()), // the page has it in either
		Reason:      item.Get("reason").Text(),
		Invite:      item.Get("invite_link").Text(),
		JoinMode:    item.Get("join_approval_mode").Text(),
		JoinAsked:   item.Get("join_request_id").Text(),
		Raw:         webhook.Body(element),
	}
	kind, list := groupType(done.Type)
	switch {
	case kind == "":
		return unknownEvent
	case done.ID == "" && done.Request == "":
		return incomplete
	}
	asks := contactOf(item)
	people, sound := peopleOf(item.Get(list))
	others, soundToo := peopleOf(item.Get("failed_participants"))
	if !sound || !soundToo || !validContact(asks) {
		return badUser
	}
	failed := *done
	done.People, failed.People = people, others
	if asks != (webhook.Contact{}) {
		done.People, failed.People = append(done.People, asks), append(failed.People, asks)
	}
	failed.Subject = cmp.Or(item.Get("subject").Text(), setting(item, "group_subject", false))
	failed.Description = cmp.Or(item.Get("description").Text(), setting(item, "group_description", false))
	failed.Errors = groupErrors(item)
	notDone := len(failed.Errors)+len(others) > 0
	if !notDone || len(people) > 0 || someSetting(item) {
		e := e
		e.Type, e.Data = kind, done
		t.events = append(t.events, e)
	}
	if notDone {
		if e.Type, e.Data = webhook.GroupRequestFailed, &failed; e.Key != "" {
			e.Key = webhook.Key(string(e.Type), e.Key)
		}
		t.events = append(t.events, e)
	}
	return ""
}

// groupType is the type of event of what happened, and where the people are with whom.
func groupType(what string) (kind webhook.Type, people string) {
	switch what {
	case "group_create":
		return webhook.GroupCreated, ""
	case "group_delete":
		return webhook.GroupDeleted, ""
	case "group_participants_add":
		return webhook.GroupJoined, "added_participants"
	case "group_participants_remove":
		return webhook.GroupLeft, "removed_participants"
	case "group_join_request_created":
		return webhook.GroupJoinRequested, ""
	case "group_join_request_revoked":
		return webhook.GroupJoinRequestRevoked, ""
	case "group_settings_update":
		return webhook.GroupSettingsUpdated, ""
	case "group_suspend":
		return webhook.GroupSuspended, ""
	case "group_suspend_cleared":
		return webhook.GroupUnsuspended, ""
	}
	return "", ""
}

// groupSettings are the members for what was to be changed of a group, each with its own success.
var groupSettings = []string{"profile_picture", "group_subject", "group_description"}

func someSetting(item lenient.Object) bool {
	return slices.ContainsFunc(groupSettings, func(name string) bool { return changed(item, name, true) })
}

// changed reports whether it is said of a setting that it was changed, or was not.
func changed(item lenient.Object, name string, done bool) bool {
	said := item.Object(name).Get("update_successful").Bool()
	return said != nil && *said == done
}

// setting is what a setting was to be, unless the opposite is said of its success.
func setting(item lenient.Object, name string, done bool) string {
	if changed(item, name, !done) {
		return ""
	}
	return item.Object(name).Get("text").Text()
}

// groupErrors are those of the whole and of its parts.
func groupErrors(item lenient.Object) []webhook.MessageError {
	found := messageErrors(item.Get("errors"))
	for _, name := range groupSettings {
		found = append(found, messageErrors(item.Object(name).Get("errors"))...)
	}
	for element := range item.Get("failed_participants").Elements() {
		o, _ := element.Object()
		found = append(found, messageErrors(o.Get("errors"))...)
	}
	return found
}
