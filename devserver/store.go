package main

import "go.temporal.io/server/common/config"

// store is an open place for the server's state, which nobody else uses until close.
type store struct {
	name             string // for people
	main, visibility *config.SQL
	shards           int32 // fixed for the life of the data
	close            func()
}

func openStore(o options) (*store, error) {
	switch {
	case o.dbFilename != "":
		return openSQLite(o.dbFilename)
	case o.postgres != "":
		return openPostgres(o.postgres)
	default:
		return openMemory(), nil
	}
}

const (
	mainStore       = "main"
	visibilityStore = "visibility"
)

// persistence is the store as the server is told about it.
func (s *store) persistence() config.Persistence {
	return config.Persistence{
		NumHistoryShards: s.shards,
		DefaultStore:     mainStore,
		VisibilityStore:  visibilityStore,
		DataStores: map[string]config.DataStore{
			mainStore:       {SQL: s.main},
			visibilityStore: {SQL: s.visibility},
		},
	}
}
