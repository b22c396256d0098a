// PUT results/{id} of the timeback API, as a service in Go does it: net/http,
// encoding/json and a pool of pgx.

package main

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"log"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v4"
	"github.com/jackc/pgx/v4/pgxpool"
)

const (
	base  = "/ims/oneroster/gradebook/v1p2/results/"
	scope = "https://purl.imsglobal.org/spec/or/v1p2/scope/gradebook.createput"
	ttl   = 30 * time.Second
)

type reference struct {
	Href      string `json:"href,omitempty"`
	SourcedID string `json:"sourcedId"`
	Type      string `json:"type,omitempty"`
}

type result struct {
	SourcedID        string     `json:"sourcedId,omitempty"`
	Status           string     `json:"status,omitempty"`
	DateLastModified string     `json:"dateLastModified,omitempty"`
	LineItem         *reference `json:"lineItem,omitempty"`
	Student          *reference `json:"student,omitempty"`
	Class            *reference `json:"class,omitempty"`
	Score            *float64   `json:"score,omitempty"`
	detail
}

// what has no column
type detail struct {
	Metadata             map[string]any    `json:"metadata,omitempty"`
	ScoreScale           *reference        `json:"scoreScale,omitempty"`
	ScoreStatus          string            `json:"scoreStatus"`
	ScoreDate            string            `json:"scoreDate"`
	TextScore            *string           `json:"textScore,omitempty"`
	Comment              *string           `json:"comment,omitempty"`
	LearningObjectiveSet []json.RawMessage `json:"learningObjectiveSet,omitempty"`
	InProgress           *string           `json:"inProgress,omitempty"`
	Incomplete           *string           `json:"incomplete,omitempty"`
	Late                 *string           `json:"late,omitempty"`
	Missing              *string           `json:"missing,omitempty"`
}

type envelope struct {
	Result *result `json:"result"`
}

type principal struct {
	institution, client int32
	mayPut              bool
	until               time.Time
}

type server struct {
	pool   *pgxpool.Pool
	put    string
	mutex  sync.RWMutex
	tokens map[[sha256.Size]byte]principal
}

var completions = map[string]string{
	"exempt": "accepted", "fully graded": "complete",
	"not submitted": "not_started", "partially graded": "pending",
	"submitted": "pending",
}

func (s *server) principal(ctx context.Context, header string) (principal, error) {
	var p principal

	if !strings.HasPrefix(header, "Bearer ") {
		return p, pgx.ErrNoRows
	}

	digest := sha256.Sum256([]byte(header[len("Bearer "):]))
	s.mutex.RLock()
	p, found := s.tokens[digest]
	s.mutex.RUnlock()

	if found && time.Now().Before(p.until) {
		return p, nil
	}

	var scopes string
	err := s.pool.QueryRow(ctx, "SELECT institution_id, client_id, scopes "+
		"FROM results_api.lookup_tokens(ARRAY[$1::bytea])",
		digest[:]).Scan(&p.institution, &p.client, &scopes)
	if err != nil {
		return p, err
	}

	for _, s := range strings.Fields(scopes) {
		p.mayPut = p.mayPut || s == scope
	}

	p.until = time.Now().Add(ttl)
	s.mutex.Lock()
	s.tokens[digest] = p
	s.mutex.Unlock()
	return p, nil
}

func validID(id string) bool {
	return id != "" && len(id) <= 255 && strings.IndexFunc(id, func(r rune) bool {
		return r < ' ' || r == 0x7f
	}) < 0
}

func (r *result) check(id string) (scored time.Time, wrong string) {
	scored, err := time.Parse(time.RFC3339, r.ScoreDate)
	if err != nil {
		scored, err = time.Parse("2006-01-02", r.ScoreDate)
	}

	if r.Status == "" {
		r.Status = "active"
	}

	switch {
	case r.SourcedID != "" && r.SourcedID != id:
		wrong = "sourcedId"
	case r.Status != "active" && r.Status != "tobedeleted":
		wrong = "status"
	case r.LineItem == nil || !validID(r.LineItem.SourcedID):
		wrong = "lineItem"
	case r.Student == nil || !validID(r.Student.SourcedID):
		wrong = "student"
	case r.Class != nil && !validID(r.Class.SourcedID):
		wrong = "class"
	case completions[r.ScoreStatus] == "":
		wrong = "scoreStatus"
	case err != nil:
		wrong = "scoreDate"
	}

	return scored, wrong
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id := strings.TrimPrefix(r.URL.Path, base)
	if len(id) == len(r.URL.Path) || !validID(id) {
		http.Error(w, "not found", http.StatusNotFound)
		return
	}
	if r.Method != http.MethodPut {
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}

	p, err := s.principal(r.Context(), r.Header.Get("Authorization"))
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		http.Error(w, "unauthorized", http.StatusUnauthorized)
		return
	case err != nil:
		http.Error(w, "unavailable", http.StatusServiceUnavailable)
		return
	case !p.mayPut:
		http.Error(w, "forbidden", http.StatusForbidden)
		return
	}

	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
	var in envelope
	if err == nil {
		err = json.Unmarshal(body, &in)
	}
	if err != nil || in.Result == nil {
		http.Error(w, "not a result", http.StatusBadRequest)
		return
	}

	scored, wrong := in.Result.check(id)
	if wrong != "" {
		http.Error(w, wrong, http.StatusUnprocessableEntity)
		return
	}

	var version int
	if err = s.store(r, p, id, in.Result, scored, body, &version); err != nil {
		log.Print(err)
		http.Error(w, "unavailable", http.StatusServiceUnavailable)
		return
	}

	reply, _ := json.Marshal(in)
	w.Header().Set("Content-Type", "application/json")
	if version == 1 {
		w.WriteHeader(http.StatusCreated)
	}
	w.Write(reply)
}

// store leaves in the result what the reply says of it
func (s *server) store(r *http.Request, p principal, id string, in *result,
	scored time.Time, body []byte, version *int) error {

	var class *string
	if in.Class != nil {
		class = &in.Class.SourcedID
	}

	rest, err := json.Marshal(in.detail)
	if err != nil {
		return err
	}

	hash := sha256.Sum256(body)
	now := time.Now().UTC()

	err = s.pool.QueryRow(r.Context(), s.put, p.institution, id,
		in.Student.SourcedID, in.LineItem.SourcedID, class, in.Status,
		in.Score, completions[in.ScoreStatus], scored, rest,
		int64(binary.BigEndian.Uint64(hash[:])), p.client, now).Scan(version)

	host := "http://" + r.Host + "/ims/oneroster/"
	in.SourcedID = id
	in.DateLastModified = now.Format("2006-01-02T15:04:05.000Z")
	in.LineItem.Type = "lineItem"
	in.LineItem.Href = host + "gradebook/v1p2/lineItems/" + in.LineItem.SourcedID
	in.Student.Type = "user"
	in.Student.Href = host + "rostering/v1p2/users/" + in.Student.SourcedID
	if in.Class != nil {
		in.Class.Type = "class"
		in.Class.Href = host + "rostering/v1p2/classes/" + in.Class.SourcedID
	}
	return err
}

func main() {
	put, err := os.ReadFile(os.Getenv("PUT_SQL"))
	if err != nil {
		log.Fatal(err)
	}

	pool, err := pgxpool.Connect(context.Background(), "pool_max_conns="+os.Getenv("POOL"))
	if err != nil {
		log.Fatal(err)
	}

	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), &server{
		pool: pool, put: string(put),
		tokens: map[[sha256.Size]byte]principal{},
	}))
}
