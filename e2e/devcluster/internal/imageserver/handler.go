package imageserver

import (
	"crypto/subtle"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"os"
	"strconv"
	"sync"
)

// New serves the files in a folder.
func New(folder string) http.Handler {
	server := &server{files: os.DirFS(folder), asked: map[string]int{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("GET /status/{code}", status)
	mux.HandleFunc("GET /status/{code}/{rest...}", status)
	mux.HandleFunc("GET /slow/{rate}/{name}", server.slow)
	mux.HandleFunc("GET /truncate/{name}", server.truncate)
	mux.HandleFunc("GET /flaky/{count}/{key}/{name}", server.flaky)
	mux.HandleFunc("GET /cut/{name}", server.cut)
	mux.HandleFunc("GET /corrupt/{name}", server.corrupt)
	mux.HandleFunc("GET /hang/{name}", func(_ http.ResponseWriter, request *http.Request) {
		<-request.Context().Done()
	})
	mux.HandleFunc("GET /auth/{user}/{password}/{name}", server.authenticated)
	mux.HandleFunc("GET /bucket/{name}", server.whole)
	mux.HandleFunc("GET /{name}", server.whole)
	return mux
}

type server struct {
	files fs.FS

	mutex sync.Mutex
	// asked counts how often a flaky file was asked for, by its path.
	asked map[string]int
}

func (s *server) whole(writer http.ResponseWriter, request *http.Request) {
	s.serve(writer, request, func(content content) content { return content })
}

func (s *server) slow(writer http.ResponseWriter, request *http.Request) {
	rate, err := strconv.ParseInt(request.PathValue("rate"), 10, 64)
	if err != nil || rate < 1 {
		http.Error(writer, "bytes per second must be a positive number", http.StatusBadRequest)
		return
	}
	s.serve(writer, request, func(content content) content {
		return &slowContent{content: content, context: request.Context(), rate: rate}
	})
}

func (s *server) truncate(writer http.ResponseWriter, request *http.Request) {
	s.serve(writer, request, func(content content) content { return &truncatedContent{content: content} })
}

func (s *server) cut(writer http.ResponseWriter, request *http.Request) {
	s.serve(writer, request, func(whole content) content { return io.NewSectionReader(whole, 0, whole.Size()/2) })
}

func (s *server) corrupt(writer http.ResponseWriter, request *http.Request) {
	s.serve(writer, request, func(content content) content { return &corruptContent{content: content} })
}

func (s *server) flaky(writer http.ResponseWriter, request *http.Request) {
	count, err := strconv.Atoi(request.PathValue("count"))
	if err != nil || count < 1 {
		http.Error(writer, "how often it breaks must be a positive number", http.StatusBadRequest)
		return
	}
	if request.Method == http.MethodGet && s.ask(request.URL.Path) <= count {
		s.truncate(writer, request)
		return
	}
	s.whole(writer, request)
}

// ask counts the requests for a path, this one too.
func (s *server) ask(path string) int {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.asked[path]++
	return s.asked[path]
}

func (s *server) authenticated(writer http.ResponseWriter, request *http.Request) {
	user, password, _ := request.BasicAuth()
	if !same(user, request.PathValue("user")) || !same(password, request.PathValue("password")) {
		writer.Header().Set("WWW-Authenticate", `Basic realm="images"`)
		http.Error(writer, "wrong user or password", http.StatusUnauthorized)
		return
	}
	s.whole(writer, request)
}

func same(left, right string) bool {
	return subtle.ConstantTimeCompare([]byte(left), []byte(right)) == 1
}

func (s *server) serve(writer http.ResponseWriter, request *http.Request, wrap func(content) content) {
	name := request.PathValue("name")
	file, err := s.files.Open(name)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrInvalid) {
		http.NotFound(writer, request)
		return
	}
	if err != nil {
		http.Error(writer, err.Error(), http.StatusInternalServerError)
		return
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil || !info.Mode().IsRegular() {
		http.NotFound(writer, request)
		return
	}
	writer.Header().Set("Content-Type", "application/octet-stream")
	http.ServeContent(writer, request, name, info.ModTime(),
		wrap(fileContent{File: file.(*os.File), size: info.Size()}))
}

func status(writer http.ResponseWriter, request *http.Request) {
	code, err := strconv.Atoi(request.PathValue("code"))
	if err != nil || code < 200 || code > 599 {
		http.Error(writer, "status must be a number from 200 to 599", http.StatusBadRequest)
		return
	}
	writer.WriteHeader(code)
}
