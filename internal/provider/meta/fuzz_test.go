package meta_test

import (
	"fmt"
	"strings"
	"testing"

	"holdfast/internal/provider/meta"
	"holdfast/internal/provider/providertest"
)

func FuzzNormalize(f *testing.F) {
	providertest.FuzzNormalize(f, known(f, "secret"), meta.Samples,
		messages(`"contacts":[{"wa_id":"1"},{"user_id":"US.2"}],"messages":[`+text+`,7],"statuses":[`+sent+`],"errors":[`+limit+`]`),
		messages(`"contacts":[{"wa_id":"1"}],"messages":[{"id":"m","from":"1","type":"interactive","interactive":{"type":"button_reply","button_reply":{"id":"STOP","title":"x"}}}],`+
			`"statuses":[{"id":"m","status":"failed","recipient_id":"G","recipient_type":"group","recipient_participant_id":"1","errors":[{"code":131050}]},{"id":"m","status":"lost"}]`),
		string(about("account_update", `{"event":"ACCOUNT_RESTRICTION","restriction_info":[{"restriction_type":"X","expiration":"9999-12-31T23:59:59-08:00"}]}`)))
}

func FuzzVerify(f *testing.F) { providertest.FuzzVerify(f, known, meta.Samples) }

func BenchmarkNormalizeSmall(b *testing.B) {
	body := about("account_update", `{"event":"DISABLED_UPDATE","ban_info":{"waba_ban_state":"DISABLE","waba_ban_date":"October 22, 2025"}}`)
	benchmark(b, body)
}

// A status as Meta sends it, 1 KB with its envelope.
func BenchmarkNormalizeStatus(b *testing.B) {
	benchmark(b, []byte(messages(`"contacts":[`+contactOf(1)+`],"statuses":[`+statusOf(1, 400)+`]`)))
}

// 3 MB with 1,000 statuses, and parts of it: in one change, as Meta batches them, and in a change each.
func BenchmarkNormalizeBatch(b *testing.B) {
	for _, n := range []int{250, 500, 1000} {
		var contacts, statuses, entries []string
		for i := range n {
			contacts, statuses = append(contacts, contactOf(i)), append(statuses, statusOf(i, 2500))
			entries = append(entries, fmt.Sprintf(`{"id":"300100200","changes":[{"field":"messages","value":{"messaging_product":"whatsapp","metadata":{"display_phone_number":"15550100001","phone_number_id":"400100"},"contacts":[%s],"statuses":[%s]}}]}`,
				contactOf(i), statusOf(i, 2300)))
		}
		b.Run(fmt.Sprintf("change/%d", n), func(b *testing.B) {
			benchmark(b, []byte(messages(`"contacts":[`+strings.Join(contacts, ",")+`],"statuses":[`+strings.Join(statuses, ",")+`]`)))
		})
		b.Run(fmt.Sprintf("entries/%d", n), func(b *testing.B) {
			benchmark(b, []byte(`{"object":"whatsapp_business_account","entry":[`+strings.Join(entries, ",")+`]}`))
		})
	}
}

// Received messages, 3 MB with 1,000, and parts of it.
func BenchmarkNormalizeMessages(b *testing.B) {
	for _, n := range []int{250, 500, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			benchmark(b, []byte(messages(`"contacts":[`+join(n, contactOf)+`],"messages":[`+join(n, messageOf)+`]`)))
		})
	}
}

// 3 MB with 1,000 changes, each of something else, some of which nobody understands.
func BenchmarkNormalizeMixed(b *testing.B) {
	for _, n := range []int{250, 500, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			benchmark(b, []byte(`{"object":"whatsapp_business_account","entry":[{"id":"300100200","time":1790005000,"changes":[`+join(n, changeOf)+`]}]}`))
		})
	}
}

// A chunk of history of 3 MB, with 10,000 messages, and parts of it.
func BenchmarkNormalizeHistory(b *testing.B) {
	for _, n := range []int{2500, 5000, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			benchmark(b, in("history", `"history":[{"metadata":{"phase":0,"chunk_order":1,"progress":5},"threads":[`+join(n/50, threadOf)+`]}]`))
		})
	}
}

// Contacts of an address book, 1,000 in a webhook.
func BenchmarkNormalizeSync(b *testing.B) {
	benchmark(b, in("smb_app_state_sync", `"state_sync":[`+join(1000, func(i int) string {
		return fmt.Sprintf(`{"type":"contact","contact":{"full_name":"Ada King","first_name":"Ada","phone_number":"1555%d"},"action":"add","metadata":{"timestamp":"1790005400"}}`, i)
	})+`]`))
}

// join makes a list of n items.
func join(n int, item func(i int) string) string {
	items := make([]string, n)
	for i := range items {
		items[i] = item(i)
	}
	return strings.Join(items, ",")
}

func messageOf(i int) string {
	return fmt.Sprintf(`{"from":"1555010%04d","from_user_id":"US.%[1]d","id":"wamid.%064d","timestamp":"1790005000","type":"text","text":{"body":%q}}`, i, i, strings.Repeat("All is well. ", 200))
}

// threadOf is a chat of 50 old messages, 15 KB.
func threadOf(i int) string {
	return fmt.Sprintf(`{"id":"1555%d","messages":[%s]}`, i, join(50, func(i int) string {
		return fmt.Sprintf(`{"from":"15550100001","id":"wamid.%064d","timestamp":"1789900000","type":"text","text":{"body":"Your order is ready. You can fetch it until six. Thank you, and see you soon, yours sincerely!"},"history_context":{"status":"READ"}}`, i)
	}))
}

// changeOf is a change of 3 KB, of something else each time.
func changeOf(i int) string {
	long := strings.Repeat("x", 2500)
	field, items := "messages", `"contacts":[`+contactOf(i)+`],"messages":[`+messageOf(i)+`]`
	switch i % 7 {
	case 1:
		items = fmt.Sprintf(`"statuses":[{"id":"wamid.%d","status":"failed","timestamp":"1790005000","recipient_id":"1","biz_opaque_callback_data":%q,"errors":[{"code":131049,"title":"t","error_data":{"details":"d"}}]}]`, i, long)
	case 2:
		field, items = "smb_message_echoes", fmt.Sprintf(`"message_echoes":[{"id":"wamid.%d","to":"1","timestamp":"1790005000","type":"text","text":{"body":%q}}]`, i, long)
	case 3:
		field, items = "calls", fmt.Sprintf(`"calls":[{"id":"wacid.%d","from":"1","timestamp":"1790005000","event":"connect","session":{"sdp_type":"offer","sdp":%q}}]`, i, long)
	case 4:
		field, items = "group_participants_update", fmt.Sprintf(`"groups":[{"group_id":"G%d","type":"group_participants_add","timestamp":"1790005000","reason":%q,"added_participants":[{"wa_id":"1"}]}]`, i, long)
	case 5:
		field, items = "weather_update", fmt.Sprintf(`"rain":%q`, long)
	case 6:
		items = `"contacts":[` + contactOf(i) + `],"statuses":[` + statusOf(i, 2500) + `]`
	}
	return fmt.Sprintf(`{"field":%q,"value":{"messaging_product":"whatsapp","metadata":{"display_phone_number":"15550100001","phone_number_id":"400100"},%s}}`, field, items)
}

func contactOf(i int) string {
	return fmt.Sprintf(`{"profile":{"name":"Ada"},"wa_id":"1555010%04d","user_id":"US.%d"}`, i, i)
}

// statusOf is a status whose callback data has so many bytes.
func statusOf(i, callback int) string {
	return fmt.Sprintf(`{"id":"wamid.%064d","status":"delivered","timestamp":"1790005000","recipient_id":"1555010%04d","recipient_user_id":"US.%[2]d",`+
		`"biz_opaque_callback_data":%q,"conversation":{"id":"0123456789abcdef0123456789abcdef","origin":{"type":"marketing"}},"pricing":{"billable":true,"pricing_model":"PMP","type":"regular","category":"marketing"}}`,
		i, i, strings.Repeat("x", callback))
}

func BenchmarkPeek(b *testing.B) {
	p := known(b, "secret")
	body := about("account_update", `{"event":"DISABLED_UPDATE","ban_info":{"waba_ban_state":"DISABLE","waba_ban_date":"October 22, 2025"}}`)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		p.Peek(body)
	}
}

func benchmark(b *testing.B, body []byte) {
	providertest.BenchmarkNormalize(b, known(b, "secret"), body)
}
