package meta_test

import (
	"fmt"
	"testing"

	"holdfast/internal/provider/providertest"
	"holdfast/internal/webhook"
)

// One bad element never harms its neighbours, whatever it is about.
func TestNeighbours(t *testing.T) {
	tests := []struct {
		field, list, item string // %d is the number of the item
		want              webhook.Type
	}{
		{"messages", `"statuses":[%s]`, `{"id":"wamid.%d","status":"sent","timestamp":"1790005000","recipient_id":"15550100077"}`, webhook.MessageSent},
		{"messages", `"contacts":[{"wa_id":"1"},{"wa_id":"2"}],"messages":[%s]`, `{"id":"wamid.%d","from":"1","timestamp":"1790005000","type":"text","text":{"body":"Hi"}}`, webhook.MessageReceived},
		{"smb_message_echoes", `"message_echoes":[%s]`, `{"id":"wamid.%d","to":"1","timestamp":"1790005000","type":"text","text":{"body":"Hi"}}`, webhook.MessageEchoed},
		{"standby", `"standby":{"contacts":[{"wa_id":"1"},{"wa_id":"2"}],"messages":[%s]}`, `{"id":"wamid.%d","from":"1","timestamp":"1790005000","type":"text","text":{"body":"Hi"}}`, webhook.MessageStandby},
		{"standby", `"standby":{"statuses":[%s]}`, `{"id":"wamid.%d","status":"read","timestamp":"1790005000"}`, webhook.MessageRead},
		{"calls", `"calls":[%s]`, `{"id":"wacid.%d","from":"1","timestamp":"1790005000","event":"connect"}`, webhook.CallConnected},
		{"calls", `"statuses":[%s]`, `{"id":"wacid.%d","type":"call","timestamp":"1790005000","status":"RINGING","recipient_id":"1"}`, webhook.CallRinging},
		{"group_participants_update", `"groups":[%s]`, `{"group_id":"G%d","type":"group_participants_add","timestamp":"1790005000","added_participants":[{"wa_id":"1"}]}`, webhook.GroupJoined},
		{"smb_app_state_sync", `"state_sync":[%s]`, `{"type":"contact","contact":{"phone_number":"1555%d"},"action":"add","metadata":{"timestamp":"1790005000"}}`, webhook.ContactSynced},
		{"automatic_events", `"automatic_events":[%s]`, `{"id":"wamid.%d","event_name":"Purchase","timestamp":1790005000}`, webhook.ConversionPurchase},
		{"tracking_events", `"events":[%s]`, `{"event_name":"click","timestamp":1790005000,"tracking_data":{"click_id":"%d"}}`, webhook.ConversionTracked},
		{"user_id_update", `"user_id_update":[%s]`, `{"user_id":{"current":"US.%d"},"timestamp":"1790005000"}`, webhook.ContactIDChanged},
		{"user_preferences", `"user_preferences":[%s]`, `{"user_id":"US.%d","category":"marketing_messages","value":"stop","timestamp":1790005000}`, webhook.ContactMarketingStopped},
		{"history", `"messages":[%s]`, `{"id":"wamid.%d","timestamp":"1790005000"}`, webhook.HistoryChunk},
	}
	for _, test := range tests {
		t.Run(test.field+"/"+string(test.want), func(t *testing.T) {
			providertest.Neighbours(t, known(t, "secret"), test.want,
				func(items string) []byte { return in(test.field, fmt.Sprintf(test.list, items)) },
				func(i int) string { return fmt.Sprintf(test.item, i) })
		})
	}
}
