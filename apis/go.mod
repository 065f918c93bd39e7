module github.com/novasphere/wukong/apis

go 1.26.0
