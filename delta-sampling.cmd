@echo off
rem Starts Delta Sampling; builds it first where that has not been done. After a change of the sources, delete app\target.
setlocal
set "root=%~dp0"
set "layout=%root%app\target\delta-sampling"

set "java=java"
if defined JAVA_HOME set "java=%JAVA_HOME%\bin\java.exe"
"%java%" -version >nul 2>&1
if errorlevel 1 (
    echo delta-sampling: there is no Java: install Java 17 or newer, or point JAVA_HOME at one 1>&2
    exit /b 2
)

if exist "%layout%\built" goto start
echo delta-sampling: building, for the first time on this machine: this may take some minutes 1>&2
pushd "%root%"
call mvnw.cmd -q -DskipTests -Dverification.skip -pl app -am package 1>&2
if errorlevel 1 (
    popd
    echo delta-sampling: the build failed; the lines above say why 1>&2
    exit /b 1
)
popd
echo built> "%layout%\built"

:start
"%java%" -XX:+UseSerialGC -Djava.awt.headless=true ^
    --enable-native-access=ALL-UNNAMED -Dorg.bytedeco.javacpp.maxPhysicalBytes=0 -Dorg.bytedeco.javacpp.maxBytes=0 ^
    %DELTA_SAMPLING_JAVA_OPTIONS% -cp "%layout%\lib\*" org.deltasampling.app.Main %*
exit /b %errorlevel%
