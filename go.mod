module github.com/novasphere/wukong

go 1.26.0

replace github.com/novasphere/wukong/apis => ./apis
