package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	persistencespb "go.temporal.io/server/api/persistence/v1"
	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/log"
	"go.temporal.io/server/common/metrics"
	"go.temporal.io/server/common/persistence/serialization"
	"go.temporal.io/server/common/persistence/sql"
	"go.temporal.io/server/common/persistence/sql/sqlplugin"
	"go.temporal.io/server/common/resolver"
	"go.temporal.io/server/common/searchattribute/sadefs"
	"go.temporal.io/server/schema/sqlite"
	"google.golang.org/protobuf/types/known/durationpb"
)

// searchAttributes is the value of --search-attribute: types by name.
type searchAttributes map[string]enumspb.IndexedValueType

// Set implements pflag.Value.
func (a searchAttributes) Set(s string) error {
	name, typeName, ok := strings.Cut(s, "=")
	if !ok || name == "" {
		return errors.New("want Name=Type")
	}
	valueType, err := enumspb.IndexedValueTypeFromString(typeName)
	if err != nil || valueType == enumspb.INDEXED_VALUE_TYPE_UNSPECIFIED {
		return fmt.Errorf("unknown type %q (Keyword, KeywordList, Text, Int, Double, Bool, Datetime)", typeName)
	}
	if sadefs.IsReserved(name) {
		return fmt.Errorf("%s is one of Temporal's own search attributes", name)
	}
	a[name] = valueType
	return nil
}

// String implements pflag.Value.
func (a searchAttributes) String() string { return "" }

// Type implements pflag.Value.
func (a searchAttributes) Type() string { return "Name=Type" }

// prepareNamespaces creates the namespaces that are missing, with retention,
// and registers the search attributes that are missing in any of them. What a
// namespace already has stays as it is. It works on the store, before a server
// runs on it, because a client takes the server for ready as soon as it answers
// and would meet an API that knows neither.
func prepareNamespaces(cfg *config.SQL, names []string, retention time.Duration, attributes searchAttributes) error {
	db, err := sql.NewSQLDB(sqlplugin.DbKindMain, cfg, resolver.NewNoopResolver(), log.NewNoopLogger(), metrics.NoopMetricsHandler)
	if err != nil {
		return fmt.Errorf("open the store: %w", err)
	}
	defer func() { _ = db.Close() }()
	for _, name := range names {
		rows, err := db.SelectFromNamespace(context.Background(), sqlplugin.NamespaceFilter{Name: &name})
		if err == nil && len(rows) == 1 {
			err = addSearchAttributes(db, rows[0], attributes)
		} else {
			// Either it is missing, or the store fails again and says why.
			err = createNamespace(cfg, name, retention, attributes)
		}
		if err != nil {
			return fmt.Errorf("prepare namespace %s: %w", name, err)
		}
	}
	return nil
}

func createNamespace(cfg *config.SQL, name string, retention time.Duration, attributes searchAttributes) error {
	namespace, err := sqlite.NewNamespaceConfig(clusterName, name, false, attributes)
	if err != nil {
		return err
	}
	namespace.Detail.Config.Retention = durationpb.New(retention)
	// Despite its package it works on any SQL store.
	return sqlite.CreateNamespaces(cfg, namespace)
}

// addSearchAttributes gives an existing namespace the search attributes it
// lacks. It is an error if it has one of the same name and another type.
func addSearchAttributes(db sqlplugin.DB, row sqlplugin.NamespaceRow, attributes searchAttributes) error {
	encoding, err := enumspb.EncodingTypeFromString(row.DataEncoding)
	if err != nil {
		return err
	}
	serializer := serialization.NewSerializer()
	detail, err := serializer.NamespaceDetailFromBlob(&commonpb.DataBlob{Data: row.Data, EncodingType: encoding})
	if err != nil {
		return err
	}
	changed, err := addAliases(detail, attributes)
	if err != nil || !changed {
		return err
	}
	blob, err := serializer.NamespaceDetailToBlob(detail)
	if err != nil {
		return err
	}
	row.Data, row.DataEncoding = blob.GetData(), blob.GetEncodingType().String()
	_, err = db.UpdateNamespace(context.Background(), &row)
	return err
}

// addAliases reports whether it had to add anything. On a SQL store a custom
// search attribute is a name for one of the columns set aside for its type.
func addAliases(detail *persistencespb.NamespaceDetail, attributes searchAttributes) (changed bool, err error) {
	columns := sadefs.GetDBIndexSearchAttributes(nil).CustomSearchAttributes
	aliases := maps.Clone(detail.GetConfig().GetCustomSearchAttributeAliases())
	if aliases == nil {
		aliases = map[string]string{}
	}
	known := map[string]enumspb.IndexedValueType{}
	for column, name := range aliases {
		known[name] = columns[column]
	}
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		want := attributes[name]
		if have, ok := known[name]; ok {
			if have != want {
				return false, fmt.Errorf("--search-attribute %s=%v: it exists as %v", name, want, have)
			}
			continue
		}
		column := freeColumn(columns, aliases, want)
		if column == "" {
			return false, fmt.Errorf("--search-attribute %s=%v: no more search attributes of this type are possible", name, want)
		}
		aliases[column] = name
		changed = true
	}
	if changed {
		detail.Config.CustomSearchAttributeAliases = aliases
		detail.ConfigVersion++
	}
	return changed, nil
}

func freeColumn(columns map[string]enumspb.IndexedValueType, taken map[string]string, want enumspb.IndexedValueType) string {
	for _, column := range slices.Sorted(maps.Keys(columns)) {
		if _, ok := taken[column]; !ok && columns[column] == want {
			return column
		}
	}
	return ""
}
