<# : batch, which starts Java; the PowerShell below builds first where that has not been done since the sources changed
@echo off
setlocal
set "launcher=%~f0"
set "root=%~dp0"
set "layout=%root%app\target\delta-sampling"
set "java=java"
if defined JAVA_HOME set "java=%JAVA_HOME%\bin\java.exe"

set "PSModulePath="
powershell -NoProfile -NonInteractive -ExecutionPolicy Bypass -Command "& ([ScriptBlock]::Create((Get-Content -Raw -LiteralPath $env:launcher)))" <nul
set "ready=%errorlevel%"
rem ready is 100, and 1 more for a terminal, and 2 more for Java 23 or newer
if %ready% lss 100 exit /b %ready%
if %ready% gtr 103 (
    echo delta-sampling: Windows PowerShell is needed and did not start 1>&2
    exit /b 2
)
set "terminal=false"
if %ready%==101 set "terminal=true"
if %ready%==103 set "terminal=true"
set "unsafe="
if %ready% geq 102 set "unsafe=--sun-misc-unsafe-memory-access=allow"

"%java%" ^
    -XX:+UseSerialGC -Djava.awt.headless=true -Dfile.encoding=UTF-8 ^
    --enable-native-access=ALL-UNNAMED -Dorg.bytedeco.javacpp.maxPhysicalBytes=0 -Dorg.bytedeco.javacpp.maxBytes=0 ^
    -Ddelta-sampling.terminal=%terminal% %unsafe% ^
    %DELTA_SAMPLING_JAVA_OPTIONS% ^
    -cp "%layout%\lib\*" org.deltasampling.app.Main %*
exit /b %errorlevel%
: the end of batch #>

$layout = $env:layout
Set-Location -LiteralPath $env:root

function Say($text) { [Console]::Error.WriteLine("delta-sampling: $text") }

function Refuse($text) {
    Say $text
    exit 2
}

$java = $env:java
if ($env:JAVA_HOME) {
    if (-not (Test-Path -LiteralPath $java)) {
        Refuse "there is no bin\java.exe in ${env:JAVA_HOME}: point JAVA_HOME at Java 17 or newer, or unset it"
    }
} else {
    $java = (Get-Command java -CommandType Application -ErrorAction SilentlyContinue | Select-Object -First 1).Path
    if (-not $java) { Refuse 'there is no Java: install Java 17 or newer, or point JAVA_HOME at one' }
}

# one property of $java, which takes as long to answer as to start
function Property($name) {
    $lines = & $java '-XshowSettings:properties' '-version' 2>&1 | ForEach-Object { "$_".Trim() }
    @($lines) | Where-Object { $_.StartsWith("$name = ") } | ForEach-Object { $_.Substring("$name = ".Length) }
}

# so the version is asked once for each Java
$known = @(Get-Content -LiteralPath "$layout\java" -Encoding UTF8 -ErrorAction SilentlyContinue)
if ($known[0] -eq $java) {
    $version = [int]$known[1]
} else {
    $named = Property 'java.specification.version'
    $version = [int]("$named" -replace '\..*', '') # Java 8 is 1.8
    if ($version -lt 17) {
        if (-not $named) { $named = 'of an unknown version' }
        Refuse "$java is Java ${named}: install Java 17 or newer, or point JAVA_HOME at one"
    }
}

function Remembered {
    ([string](Get-Content -LiteralPath "$layout\options" -Raw -Encoding UTF8 -ErrorAction SilentlyContinue)).Trim()
}

# Maven's further options: once given, they hold until others are; a space is none
$options = Remembered
if ($env:DELTA_SAMPLING_BUILD) { $options = $env:DELTA_SAMPLING_BUILD.Trim() }

function Changed {
    if (-not (Test-Path -LiteralPath "$layout\built") -or $options -ne (Remembered)) { return $true }
    $built = (Get-Item -LiteralPath "$layout\built").LastWriteTimeUtc
    $sources = @(Get-Item 'pom.xml', '*\pom.xml') + @(Get-Item '*\src\main' | Get-ChildItem -Recurse)
    @($sources | Where-Object { $_.LastWriteTimeUtc -gt $built }).Count -gt 0
}

# Opens the file that the one process which builds keeps open.
function Lock {
    $waiting = $false
    while ($true) {
        try {
            return [IO.File]::Open("$layout\lock", 'OpenOrCreate', 'ReadWrite', 'None')
        } catch {
            if ($_.Exception.GetBaseException().HResult -ne -2147024864) { throw } # not that another has it open
            if (-not $waiting) { Say 'another build is running here, waiting for its end' }
            $waiting = $true
            Start-Sleep -Seconds 1
        }
    }
}

function Build {
    $jdk = Property 'java.home'
    if (-not (Test-Path -LiteralPath "$jdk\bin\javac.exe")) {
        Refuse "$java cannot compile, and there is something to build: point JAVA_HOME at a JDK, Java 17 or newer"
    }
    $env:JAVA_HOME = $jdk # Maven gets the same Java

    if (Test-Path -LiteralPath "$layout\built") {
        Say 'the sources have changed, building'
        Remove-Item -LiteralPath "$layout\built"
    } else {
        Say 'building, for the first time on this machine: this may take some minutes'
    }
    if (Test-Path -LiteralPath "$layout\lib") {
        Remove-Item -LiteralPath "$layout\lib" -Recurse -ErrorAction SilentlyContinue
        if (Test-Path -LiteralPath "$layout\lib") {
            Refuse "$layout\lib is in use by a run: wait for its end, and try again"
        }
    }
    Set-Content -LiteralPath "$layout\options" -Encoding UTF8 -Value $options
    Set-Content -LiteralPath "$layout\building" -Value '' # what changes from here on is newer than this build
    $arguments = @('-q') + @($options -split '\s+' -ne '') + @('-DskipTests', '-Dverification.skip', '-pl', 'app', '-am', 'package')
    & .\mvnw.cmd @arguments | ForEach-Object { [Console]::Error.WriteLine($_) }
    if ($LASTEXITCODE -ne 0) {
        $with = if ($options) { " with $options" }
        Say "the build$with failed; the lines above say why"
        exit 1
    }
    Move-Item -LiteralPath "$layout\building" -Destination "$layout\built"
}

if (Changed) {
    try {
        [void][IO.Directory]::CreateDirectory($layout)
        $lock = Lock
    } catch {
        Refuse "there is something to build, and $layout cannot be written: build as a user who may, or in a copy"
    }
    if (Changed) { Build }
    $lock.Close()
}
if ($known[0] -ne $java) {
    Set-Content -LiteralPath "$layout\java" -Encoding UTF8 -Value $java, $version -ErrorAction SilentlyContinue
}

$ready = 100
if (-not [Console]::IsOutputRedirected) { $ready += 1 }
if ($version -ge 23) { $ready += 2 }
exit $ready
